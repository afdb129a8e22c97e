// Kernels launched, with CUDA: the linker sends every launch of this program's own object files through here
// (--wrap, CMakeLists.txt). nvcc's launches call __cudaLaunchKernel since CUDA 13, cudaLaunchKernel before.
#include <cuda_runtime.h>

#include <atomic>

#include "common/harness/watched_call.h"

static std::atomic<std::uint64_t> g_launches = 0;
static std::atomic<cudaStream_t> g_expected = nullptr;
static std::atomic<std::uint64_t> g_elsewhere = 0;

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

}  // extern "C"

namespace wb::detail {

std::optional<std::uint64_t> kernels_launched() {
  return g_launches;
}

void expect_stream(cudaStream_t stream) {
  g_expected = stream;
  g_elsewhere = 0;
}

std::uint64_t launched_elsewhere() {
  return g_elsewhere;
}

// Other programs use the memory of a GPU too.
std::optional<std::size_t> device_bytes_in_use() {
  return std::nullopt;
}

}  // namespace wb::detail
