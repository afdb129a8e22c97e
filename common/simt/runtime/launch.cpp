// Launches: the hardware's limits with CUDA's error codes, and the attributes of kernels.
#include "simt/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "runtime/capture.h"
#include "runtime/failure.h"
#include "runtime/far.h"
#include "runtime/limits.h"
#include "runtime/program_watch.h"
#include "runtime/scheduler.h"
#include "runtime/timeline.h"
#include "simt/api.h"

namespace simt::detail {
namespace {

// Per kernel, the limit that cudaFuncSetAttribute has set.
struct Attributes {
  std::mutex mutex;
  std::unordered_map<const void*, std::size_t> dynamic_shared_limit;
};
Attributes& attributes_set() {
  static Attributes& forever = *new Attributes;
  return forever;
}

// A kernel whose address is unknown may use all shared memory, because its attribute cannot be looked up.
std::size_t dynamic_shared_limit(const void* function) {
  if (function == nullptr) return kMaxSharedPerBlockOptIn;
  const std::lock_guard lock(attributes_set().mutex);
  const auto found = attributes_set().dynamic_shared_limit.find(function);
  return found == attributes_set().dynamic_shared_limit.end() ? kMaxSharedPerBlock : found->second;
}

std::string text(dim3 d) {
  return fmt::format("({},{},{})", d.x, d.y, d.z);
}

bool within(dim3 d, const int (&limit)[3]) {
  return d.x <= static_cast<unsigned>(limit[0]) && d.y <= static_cast<unsigned>(limit[1]) &&
         d.z <= static_cast<unsigned>(limit[2]);
}

cudaError_t validate(const Grid& k) {
  const auto refuse = [&](cudaError_t code, const std::string& why) {
    explain(fmt::format("kernel {} was not launched: {}", k.name, why));
    return code;
  };
  const std::uint64_t threads = std::uint64_t{k.block.x} * k.block.y * k.block.z;
  if (std::uint64_t{k.grid.x} * k.grid.y * k.grid.z == 0) {
    return refuse(cudaErrorInvalidConfiguration, "the grid " + text(k.grid) + " is empty");
  }
  if (threads == 0) return refuse(cudaErrorInvalidConfiguration, "the block " + text(k.block) + " is empty");
  if (!within(k.block, kMaxBlockDim) || threads > kMaxThreadsPerBlock) {
    return refuse(cudaErrorInvalidConfiguration,
                  fmt::format("a block of {} = {} threads; the limit is {} threads and (1024,1024,64)",
                              text(k.block), threads, kMaxThreadsPerBlock));
  }
  if (!within(k.grid, kMaxGridDim)) {
    return refuse(cudaErrorInvalidConfiguration,
                  fmt::format("a grid of {}; the limit is (2147483647,65535,65535)", text(k.grid)));
  }
  const std::size_t limit = dynamic_shared_limit(k.function);
  if (k.shared_bytes > limit) {
    const char* hint =
        limit < kMaxSharedPerBlockOptIn
            ? "; cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) raises it"
            : "";
    return refuse(cudaErrorInvalidValue, fmt::format("{} bytes of dynamic shared memory; the limit is {}{}",
                                                     k.shared_bytes, limit, hint));
  }
  return cudaSuccess;
}

}  // namespace

static std::atomic<std::uint32_t> launches{0};

std::uint32_t next_launch() {
  return ++launches;
}

void submit(Grid* kernel, cudaStream_t handle) {
  std::unique_ptr<Grid> grid(kernel);
  if (context.runner != nullptr) {
    report_failure(cudaErrorNotSupported,
                   fmt::format("kernel {} was launched by a kernel: the CPU device (simt) has no "
                               "dynamic parallelism",
                               grid->name));
    return;
  }
  if (on_worker()) {
    result(cudaErrorNotPermitted);  // host work in a stream; CUDA forbids it too
    return;
  }
  Scheduler& scheduler = Scheduler::get();
  Stream* stream = scheduler.find(handle);
  cudaError_t code = device_error();
  if (code == cudaSuccess) code = validate(*grid);
  if (code == cudaSuccess && stream == nullptr) code = cudaErrorInvalidResourceHandle;
  if (code == cudaSuccess && !scheduler.accepts_work()) code = cudaErrorCudartUnloading;
  if (code == cudaSuccess) code = not_ordered_by_capture(stream);
  if (result(code) != cudaSuccess) return;

  if (program_watch != nullptr) program_watch->launched(*grid);
  auto operation = std::make_shared<Operation>();
  operation->name = grid->name;
  operation->on_timeline = true;
  operation->shown.grid = grid->grid;
  operation->shown.block = grid->block;
  operation->shown.shared_bytes = grid->shared_bytes;
  operation->total = std::uint64_t{grid->grid.x} * grid->grid.y * grid->grid.z;
  operation->order = BlockOrder(operation->total);
  const std::uint64_t first = only_first, last = only_last;
  if (last != 0 && operation->total > first + last) {
    operation->order = BlockOrder::of_ends(operation->total, first, last);
    operation->total = first + last;
  }
  // Small enough to balance the last blocks, and large enough that taking a share costs almost nothing.
  operation->chunk = std::clamp<std::uint64_t>(operation->total / (16 * scheduler.workers()), 1, 64);
  operation->grid = std::move(grid);
  operation->number = operation->grid->number = next_launch();
  count_launch(handle);
  scheduler.submit(stream, std::move(operation));
}

cudaError_t set_function_attribute(const void* function, cudaFuncAttribute attribute, int value) {
  if (function == nullptr) return result(cudaErrorInvalidDeviceFunction);
  if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return result(cudaSuccess);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0)
    return result(cudaErrorInvalidValue);
  const auto bytes = static_cast<std::size_t>(value);
  if (bytes > kMaxSharedPerBlockOptIn) {
    explain(
        fmt::format("cudaFuncSetAttribute: {} bytes of dynamic shared memory; the hardware has {} a block",
                    bytes, kMaxSharedPerBlockOptIn));
    return result(cudaErrorInvalidValue);
  }
  const std::lock_guard lock(attributes_set().mutex);
  attributes_set().dynamic_shared_limit[function] = bytes;
  return result(cudaSuccess);
}

cudaError_t get_function_attributes(cudaFuncAttributes* attributes, const void* function) {
  if (attributes == nullptr || function == nullptr) return result(cudaErrorInvalidValue);
  *attributes = {};
  attributes->maxThreadsPerBlock = kMaxThreadsPerBlock;
  attributes->ptxVersion = attributes->binaryVersion = 90;
  attributes->maxDynamicSharedSizeBytes = static_cast<int>(dynamic_shared_limit(function));
  return result(cudaSuccess);
}

// How many blocks fit on an SM of the simulated hardware, if registers do not limit the number.
cudaError_t occupancy(int* blocks, const void* function, int threads, std::size_t dynamic_shared_bytes) {
  if (blocks == nullptr || threads < 1) return result(cudaErrorInvalidValue);
  *blocks = 0;
  if (threads > kMaxThreadsPerBlock || dynamic_shared_bytes > dynamic_shared_limit(function))
    return result(cudaSuccess);
  const int warps = (threads + 31) / 32;
  const std::size_t shared = dynamic_shared_bytes + kReservedSharedPerBlock;
  *blocks = std::min({kMaxBlocksPerMultiprocessor, kMaxThreadsPerMultiprocessor / (32 * warps),
                      static_cast<int>(kSharedPerMultiprocessor / shared)});
  return result(cudaSuccess);
}

cudaError_t best_block_size(int* min_grid, int* block, const void* function, std::size_t dynamic_shared_bytes,
                            int limit) {
  if (min_grid == nullptr || block == nullptr) return result(cudaErrorInvalidValue);
  *block = limit > 0 && limit < kMaxThreadsPerBlock ? limit : kMaxThreadsPerBlock;
  int blocks = 0;
  occupancy(&blocks, function, *block, dynamic_shared_bytes);
  *min_grid = blocks * static_cast<int>(Scheduler::get().workers());
  return result(cudaSuccess);
}

}  // namespace simt::detail
