// Kernels launched, and streams used, with CUDA: the linker sends every launch, fill and copy of this
// program's own object files through here (--wrap, CMakeLists.txt). nvcc's launches call
// __cudaLaunchKernel since CUDA 13, cudaLaunchKernel before.
#include <cuda_runtime.h>

#include <atomic>

#include "common/harness/streams_used.h"
#include "common/harness/watched_call.h"

static std::atomic<std::uint64_t> g_launches = 0;
static std::atomic<cudaStream_t> g_expected = nullptr;
static std::atomic<std::uint64_t> g_elsewhere = 0;
static wb::detail::TransferElsewhere g_transfer;  // of the thread that tests

static void count_launch(cudaStream_t stream) {
  ++g_launches;
  if (stream != g_expected) ++g_elsewhere;
}

extern "C" {

// Weak: a toolkit has only some of them.
#define WB_COUNT_LAUNCHES(name, its_grid, its_block, its_shared, its_stream, parameters, ...)         \
  [[gnu::weak]] cudaError_t __real_##name parameters;                                                 \
  cudaError_t __wrap_##name parameters {                                                              \
    if (!wb::detail::launch_is_made(its_grid, its_block, its_shared, its_stream)) return cudaSuccess; \
    count_launch(its_stream);                                                                         \
    return __real_##name(__VA_ARGS__);                                                                \
  }                                                                                                   \
  static_assert(true)

WB_COUNT_LAUNCHES(__cudaLaunchKernel, grid, block, shared, stream,
                  (cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t shared,
                   cudaStream_t stream),
                  kernel, grid, block, arguments, shared, stream);
WB_COUNT_LAUNCHES(cudaLaunchKernel, grid, block, shared, stream,
                  (const void* kernel, dim3 grid, dim3 block, void** arguments, size_t shared,
                   cudaStream_t stream),
                  kernel, grid, block, arguments, shared, stream);
WB_COUNT_LAUNCHES(cudaLaunchCooperativeKernel, grid, block, shared, stream,
                  (const void* kernel, dim3 grid, dim3 block, void** arguments, size_t shared,
                   cudaStream_t stream),
                  kernel, grid, block, arguments, shared, stream);
WB_COUNT_LAUNCHES(cudaLaunchKernelExC, config->gridDim, config->blockDim, config->dynamicSmemBytes,
                  config->stream, (const cudaLaunchConfig_t* config, const void* kernel, void** arguments),
                  config, kernel, arguments);

// Fills and copies. Weak: a program that records its calls has functions of its own
// (runtime_calls_wrapped.cpp).
#define WB_NOTE_TRANSFER(name, its_stream, parameters, ...) \
  cudaError_t __real_##name parameters;                     \
  [[gnu::weak]] cudaError_t __wrap_##name parameters {      \
    wb::detail::note_transfer(#name, its_stream);           \
    return __real_##name(__VA_ARGS__);                      \
  }                                                         \
  static_assert(true)

// The host need not wait for a copy within the device.
WB_NOTE_TRANSFER(cudaMemcpy, direction == cudaMemcpyDeviceToDevice ? nullptr : g_expected.load(),
                 (void* to, const void* from, size_t bytes, cudaMemcpyKind direction), to, from, bytes,
                 direction);
WB_NOTE_TRANSFER(cudaMemset, nullptr, (void* pointer, int byte, size_t bytes), pointer, byte, bytes);
WB_NOTE_TRANSFER(cudaMemsetAsync, stream, (void* pointer, int byte, size_t bytes, cudaStream_t stream),
                 pointer, byte, bytes, stream);
WB_NOTE_TRANSFER(cudaMemcpyAsync, stream,
                 (void* to, const void* from, size_t bytes, cudaMemcpyKind direction, cudaStream_t stream),
                 to, from, bytes, direction, stream);

}  // extern "C"

namespace wb::detail {

std::optional<std::uint64_t> kernels_launched() {
  return g_launches;
}

void expect_stream(cudaStream_t stream) {
  g_expected = stream;
  g_elsewhere = 0;
  g_transfer = {};
}

std::uint64_t launched_elsewhere() {
  return g_elsewhere;
}

TransferElsewhere transferred_elsewhere() {
  return g_transfer;
}

void note_transfer(const char* call, cudaStream_t stream) {
  if (stream != g_expected && g_transfer.call == nullptr) g_transfer = {call, stream};
}

// Other programs use the memory of a GPU too.
std::optional<std::size_t> device_bytes_in_use() {
  return std::nullopt;
}

}  // namespace wb::detail
