#include "runtime/stream_order.h"

#include <algorithm>

#include "runtime/scheduler.h"

namespace simt::detail {
namespace {

void join(std::vector<std::uint32_t>& into, const std::vector<std::uint32_t>& other) {
  if (into.size() < other.size()) into.resize(other.size());
  for (std::size_t i = 0; i < other.size(); ++i) into[i] = std::max(into[i], other[i]);
}

}  // namespace

std::uint32_t StreamOrder::index_of(const Stream& stream) {
  const auto [found, is_new] = index_.try_emplace(stream.number, static_cast<std::uint32_t>(agents_.size()));
  if (is_new) agents_.push_back({stream.blocking, {}});
  return found->second;
}

StreamOrder::Agent& StreamOrder::agent_of(const Stream& stream) {
  return agents_[index_of(stream)];
}

// CUDA's legacy default stream: it waits for all blocking streams, and they for it.
void StreamOrder::apply_null_stream(const Stream& stream, Agent& agent) {
  if (!stream.blocking) return;
  if (stream.number != 0) {
    const auto null = index_.find(0);
    if (null != index_.end()) join(agent.seen, agents_[null->second].seen);
    return;
  }
  for (const Agent& other : agents_) {
    if (other.blocking) join(agent.seen, other.seen);
  }
}

PointRef StreamOrder::submit(const Stream& stream) {
  const std::uint32_t index = index_of(stream);
  Agent& agent = agents_[index];
  ++host_[0];  // everything that the host has done until now comes first
  join(agent.seen, host_);
  apply_null_stream(stream, agent);
  if (agent.seen.size() <= index) agent.seen.resize(index + 1);
  const std::uint32_t count = ++agent.seen[index];
  return std::make_shared<const Point>(Point{era_, index, count, agent.seen});
}

void StreamOrder::wait(const Stream& stream, const Point& event) {
  if (event.era == era_) join(agent_of(stream).seen, event.seen);
}

void StreamOrder::host_waited_for(const Point& point) {
  if (point.era != era_) return;
  const std::uint32_t own = host_[0];
  join(host_, point.seen);
  host_[0] = own;
}

void StreamOrder::host_waited_for(const Stream& stream) {
  host_waited_for(Point{era_, 0, 0, agent_of(stream).seen});
}

void StreamOrder::host_waited_for_blocking_streams() {
  for (std::size_t i = 1; i < agents_.size(); ++i) {
    if (agents_[i].blocking) host_waited_for(Point{era_, 0, 0, agents_[i].seen});
  }
}

void StreamOrder::host_waited_for_all() {
  for (std::size_t i = 1; i < agents_.size(); ++i) host_waited_for(Point{era_, 0, 0, agents_[i].seen});
}

void StreamOrder::begin_era() {
  ++era_;
  host_ = {0};
  agents_.resize(1);
  index_.clear();
}

PointRef StreamOrder::host() const {
  return std::make_shared<const Point>(Point{era_, 0, host_[0] + 1, host_});
}

}  // namespace simt::detail
