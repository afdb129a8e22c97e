// The order that is guaranteed among the operations of all streams and the host, whatever their order in this
// execution is. It follows from the order in which they were submitted, events, waits of the host, and the
// rules of the null stream. It is known when an operation is submitted. Only the inspector uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace simt::detail {

struct Stream;

/// An operation, or a step of the host, and everything that comes before it: a vector clock.
///
/// Agents are the host (0) and each stream that has been used in this era. An era ends when the host waits
/// for the whole device: nothing of the one before can run after it.
struct Point {
  std::uint32_t era = 0;
  std::uint32_t agent = 0;
  std::uint32_t count = 0;          // among the operations of its agent, from 1
  std::vector<std::uint32_t> seen;  // (agents): the last operation of each that comes before

  bool comes_before(const Point& later) const {
    if (era != later.era) return era < later.era;
    if (agent == later.agent) return count <= later.count;
    return agent < later.seen.size() && later.seen[agent] >= count;
  }
};
using PointRef = std::shared_ptr<const Point>;

class StreamOrder {
 public:
  /// The next operation of `stream`.
  PointRef submit(const Stream& stream);
  /// The next operation of `stream` comes after `event`.
  void wait(const Stream& stream, const Point& event);

  void host_waited_for(const Point& point);
  void host_waited_for(const Stream& stream);
  void host_waited_for_blocking_streams();
  void host_waited_for_all();
  /// Everything that was submitted has run.
  void begin_era();
  /// A step of the host between what it has submitted and what it is going to submit.
  PointRef host() const;

 private:
  struct Agent {
    bool blocking = true;
    std::vector<std::uint32_t> seen;
  };
  Agent& agent_of(const Stream& stream);
  std::uint32_t index_of(const Stream& stream);
  void apply_null_stream(const Stream& stream, Agent& agent);

  std::uint32_t era_ = 1;
  std::vector<std::uint32_t> host_ = {0};
  std::vector<Agent> agents_ = {{}};                   // the first is the host, which is in host_
  std::unordered_map<unsigned, std::uint32_t> index_;  // by the number of the stream
};

}  // namespace simt::detail
