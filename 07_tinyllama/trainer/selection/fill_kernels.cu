// Random values on the device: a hash of the seed and the element's index, so that every device draws the
// same.
#include "07_tinyllama/trainer/selection/check_kernels.h"
#include "07_tinyllama/trainer/selection/element_loop.cuh"
#include "common/core/check.h"

namespace wb {
namespace {

using namespace elements;

template <class T>
__global__ void fill_uniform_kernel(T* values, std::int64_t n, std::uint64_t seed, float low, float high) {
  for (std::int64_t i = first_element(); i < n; i += threads_of_grid()) {
    const std::uint64_t bits = mix(seed + mix(static_cast<std::uint64_t>(i)));
    const float u = static_cast<float>(bits >> 40) * 0x1p-24f;
    values[i] = from_float<T>(low + (high - low) * u);
  }
}

__global__ void fill_below_kernel(int* values, std::int64_t n, std::uint64_t seed, int bound) {
  for (std::int64_t i = first_element(); i < n; i += threads_of_grid()) {
    const std::uint64_t bits = mix(seed + mix(static_cast<std::uint64_t>(i)));
    values[i] = static_cast<int>(bits % static_cast<std::uint64_t>(bound));
  }
}

}  // namespace

template <class T>
void fill_uniform(T* values, std::int64_t n, std::uint64_t seed, float low, float high) {
  fill_uniform_kernel<<<blocks_for(n), kThreads>>>(values, n, mix(seed), low, high);
  WB_CHECK_LAUNCH();
}

void fill_below(int* values, std::int64_t n, std::uint64_t seed, int bound) {
  fill_below_kernel<<<blocks_for(n), kThreads>>>(values, n, mix(seed), bound);
  WB_CHECK_LAUNCH();
}

template void fill_uniform(float*, std::int64_t, std::uint64_t, float, float);
template void fill_uniform(bf16*, std::int64_t, std::uint64_t, float, float);

}  // namespace wb
