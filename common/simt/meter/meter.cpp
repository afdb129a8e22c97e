#include "meter/meter.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "instrumented/source.h"
#include "instrumented/static_shared.h"
#include "meter/memory.h"
#include "runtime/block_runner.h"

namespace simt::meter {

using detail::context;

constinit thread_local Meter* meter = nullptr;

namespace {

constexpr std::size_t kRemembered = 1024;
constexpr unsigned kMostParts = 64;

// Among equals, the first block and warp, independent of the order in which they run.
bool is_worse(std::uint64_t excess, const uint3& block, unsigned warp, const Worst& other) {
  const auto place = [](const uint3& b, unsigned w) { return std::tuple(b.z, b.y, b.x, w); };
  if (excess != other.excess) return excess > other.excess;
  return place(block, warp) < place(other.block, other.warp);
}

bool is_guard(std::uintptr_t offset) {
  const instrumented::SharedArray* array = instrumented::shared_array_at(offset);
  return array != nullptr && array->is_guard && offset - array->offset < array->bytes;
}

}  // namespace

Meter::Meter()
    : image_base_(instrumented::image_base()),
      variables_(instrumented::thread_variables()),
      variable_bytes_(instrumented::thread_variable_bytes()),
      remembered_(kRemembered) {}

void Meter::begin(const detail::Grid& grid) {
  if (KernelTally& kernel = tally_of(grid); kernel_ != &kernel) {
    kernel_ = &kernel;
    std::fill(remembered_.begin(), remembered_.end(), Remembered{});
  }
  grid_ = &grid;
  if (kernel_->latest != grid.number) {
    kernel_->latest = grid.number;
    ++kernel_->launches;
    kernel_->grid = grid.grid;
    kernel_->block = grid.block;
  }
  ++kernel_->blocks;
  passes_.begin(kernel_->basic_blocks, context.count);
  warp_ = 0;
  dynamic_ = reinterpret_cast<std::uintptr_t>(context.shared);
  dynamic_bytes_ = grid.shared_bytes;
}

void Meter::end() {
  block_synchronized();
  passes_.end();
  for (Site* site : active_) site->active = false;
  active_.clear();
}

void Meter::block_synchronized() {
  const unsigned warps = (context.count + kLanes - 1) / kLanes;
  for (unsigned warp = 0; warp < warps; ++warp) count_warp(warp);
  restart(0, context.count);
  passes_.meet(0, warps);
}

void Meter::warp_synchronized(unsigned warp, unsigned arrived, unsigned live) {
  if ((live & ~arrived) != 0) return;
  count_warp(warp);
  restart(warp * kLanes, std::min((warp + 1) * kLanes, context.count));
  passes_.meet(warp, warp + 1);
}

void Meter::restart(unsigned first, unsigned end) {
  for (Site* site : active_) std::fill(&site->executions[first], &site->executions[0] + end, 0u);
}

void Meter::count_warp(unsigned warp) {
  for (Site* site : active_) {
    if (!site->of_warp[warp].empty()) count(*site, warp);
  }
}

void Meter::count(Site& site, unsigned warp) {
  std::vector<Request>& requests = site.of_warp[warp];
  for (const Request& request : requests) {
    const std::uintptr_t first = request.address[std::countr_zero(request.mask)];
    const Array array = array_of(first, site.shared);
    const auto touch = [&](std::uintptr_t sector) {
      if (device_memory.touch(sector, grid_->number)) ++kernel_->sectors_touched;
    };
    const Cost cost = site.shared ? shared_cost(request) : global_cost(request, touch);
    Tally& tally = site.arrays[array.key()];
    ++tally.requests;
    tally.words |= 1u << (first / 4 % 4);
    tally.cost += cost;
    if (tally.worst == nullptr) {
      tally.worst = std::make_unique<Worst>(Worst{request, array, cost.excess(), context.block, warp});
    } else if (is_worse(cost.excess(), context.block, warp, *tally.worst)) {
      *tally.worst = {request, array, cost.excess(), context.block, warp};
    }
  }
  requests.clear();
  spare_.push_back(std::move(requests));
  requests = {};
}

// A warp whose threads have all returned needs no more memory.
void Meter::change_warp(unsigned warp) {
  const unsigned lanes = std::min(kLanes, context.count - warp_ * kLanes);
  const std::uint32_t all = lanes == kLanes ? ~0u : (1u << lanes) - 1;
  if ((context.exited[warp_] & all) == all) count_warp(warp_);
  warp_ = warp;
}

// The address of a request's first lane decides: the name is that of a kernel parameter that points into the
// same allocation, if there is one.
Array Meter::array_of(std::uintptr_t address, bool shared) const {
  if (shared) {
    const std::uintptr_t offset = address - variables_;
    if (offset >= variable_bytes_) return {Array::kDynamicShared, 0, dynamic_};
    const instrumented::SharedArray* array = instrumented::shared_array_at(offset);
    if (array == nullptr) return {Array::kStaticShared, 0, variables_};
    return {Array::kStaticShared, array->offset, variables_ + array->offset};
  }
  const std::uintptr_t start = device_memory.start_of(address);
  Array best{Array::kOther, 0, start};
  const detail::Addresses& arguments = grid_->addresses;
  for (std::size_t i = 0; i < arguments.count; ++i) {
    const std::uintptr_t pointer = arguments.value[i];
    if (pointer >= start && pointer <= address && (best.where == Array::kOther || pointer > best.start)) {
      best = {Array::kArgument, arguments.parameter[i], pointer};
    }
  }
  return best;
}

Site& Meter::site(std::uint64_t key, std::uint32_t pc, Kind kind, bool shared, unsigned part) {
  Remembered& memory = remembered_[(key ^ key >> 11) % kRemembered];
  if (memory.key != key) {
    std::unique_ptr<Site>& entry = kernel_->sites[key];
    if (entry == nullptr) {
      entry = std::make_unique<Site>();
      entry->pc = pc;
      entry->kind = kind;
      entry->shared = shared;
      entry->part = part;
    }
    memory = {key, entry.get()};
  }
  return *memory.site;
}

void Meter::activate(Site& site) {
  site.active = true;
  site.executions.assign(context.count, 0);
  site.of_warp.resize((context.count + kLanes - 1) / kLanes);
  active_.push_back(&site);
}

void Meter::add(std::uintptr_t address, std::uint32_t bytes, Kind kind, bool shared, std::uint32_t pc,
                unsigned part) {
  const std::uint64_t key = std::uint64_t{pc} << 9 | part << 3 | kind << 1 | (shared ? 1u : 0u);
  Site& here = site(key, pc, kind, shared, part);
  if (!here.active) activate(here);
  const unsigned linear = context.linear, warp = linear / kLanes, lane = linear % kLanes;
  if (warp != warp_) change_warp(warp);
  std::vector<Request>& requests = here.of_warp[warp];
  const std::uint32_t k = here.executions[linear]++;
  if (k >= kMostPasses) [[unlikely]] {
    ++kernel_->left_out;
    return;
  }
  if (requests.capacity() == 0 && !spare_.empty()) {
    requests = std::move(spare_.back());
    spare_.pop_back();
  }
  if (k >= requests.size()) requests.resize(k + 1);
  Request& request = requests[k];
  request.address[lane] = address;
  request.mask |= 1u << lane;
  request.bytes = std::max(request.bytes, bytes);
  request.load = kind == instrumented::kRead;
}

void Meter::access(std::uintptr_t address, std::size_t bytes, std::size_t largest, Kind kind,
                   const void* caller) {
  const auto context_start = reinterpret_cast<std::uintptr_t>(&context);
  if (address - context_start < sizeof(context)) return;
  const bool shared = address - variables_ < variable_bytes_ || address - dynamic_ < dynamic_bytes_;
  if (!shared && !device_memory.holds(address)) return;  // local arrays, constants
  if (bytes == 1 && is_guard(address - variables_)) return;
  // A return address; the call lies before it.
  const auto pc = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(caller) - image_base_ - 1);
  if (bytes <= largest && std::has_single_bit(bytes) && address % bytes == 0) {
    return add(address, static_cast<std::uint32_t>(bytes), kind, shared, pc, 0);
  }
  const std::size_t each = std::size_t{1} << std::countr_zero(bytes | address | largest);
  for (unsigned part = 0; part < kMostParts && part * each < bytes; ++part) {
    add(address + part * each, static_cast<std::uint32_t>(each), kind, shared, pc, part);
  }
}

void Meter::pass(const void* caller) {
  passes_.pass(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(caller) - image_base_),
               context.linear);
}

}  // namespace simt::meter
