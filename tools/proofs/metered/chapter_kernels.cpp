// Launches a few kernels of the chapters once, at fixed sizes: what the meter of the CPU device and Nsight
// Compute must count alike, beside the patterns of common/simt/meter/patterns.
//
// Sizes fill whole warps, and one matrix does not, so that guards take part.
#include <cuda_runtime.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "01_vector_add/vector_add.h"
#include "02_matmul/matmul.h"
#include "03_softmax/softmax.h"
#include "04_layernorm/layernorm.h"
#include "05_rmsnorm_rope/repeat_kv.h"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "06_flash_attention/attention.h"
#include "common/core/check.h"
#include "common/core/device_buffer.h"
#include "common/core/implementations.h"
#include "common/core/rng.h"

namespace wb {
namespace {

DeviceBuffer<float> random(std::size_t count) {
  return DeviceBuffer<float>(random_uniform(count, count));
}

void add_vectors(const char* implementation, int n) {
  const auto a = random(n);
  const auto b = random(n);
  DeviceBuffer<float> out(n);
  find_implementation<VectorAdd>(implementation).function(a.data(), b.data(), out.data(), n, nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

void multiply(const char* implementation, MatmulLayout layout, int m, int n, int k) {
  const auto a = random(m * k);
  const auto b = random(k * n);
  DeviceBuffer<float> c(m * n);
  find_implementation<Matmul>(implementation)
      .function(layout, a.data(), b.data(), c.data(), m, n, k, 1.0f, 0.0f, nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

void softmax(const char* implementation, int rows, int columns) {
  const auto x = random(rows * columns);
  DeviceBuffer<float> y(rows * columns);
  find_implementation<SoftmaxForward>(implementation).function(x.data(), y.data(), rows, columns, nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

void layernorm(const char* implementation, int n, int c) {
  const auto x = random(n * c);
  const auto gamma = random(c);
  const auto beta = random(c);
  DeviceBuffer<float> y(n * c);
  DeviceBuffer<float> mean(n);
  DeviceBuffer<float> rstd(n);
  find_implementation<LayernormForward>(implementation)
      .function(x.data(), gamma.data(), beta.data(), y.data(), mean.data(), rstd.data(), n, c, 1e-5f,
                nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

void rmsnorm(const char* implementation, int n, int c) {
  const auto x = random(n * c);
  const auto weight = random(c);
  DeviceBuffer<float> y(n * c);
  DeviceBuffer<float> rstd(n);
  find_implementation<RmsnormForward>(implementation)
      .function(x.data(), weight.data(), y.data(), rstd.data(), n, c, 1e-5f, nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

enum class Layout { kTokenMajor, kFeatureMajor };

template <class T>
HeadsView<T> view(Layout layout, T* data, int b, int t, int heads, int d) {
  return layout == Layout::kTokenMajor ? token_major_view(data, t, heads, d)
                                       : feature_major_view(data, b, t, heads, d);
}

void repeat_kv(const char* implementation, Layout layout) {
  const int b = 1, t = 64, kv = 2, h = 4, d = 64;
  const auto x = random(b * t * kv * d);
  DeviceBuffer<float> y(b * h * t * d);
  find_implementation<RepeatKvForward>(implementation)
      .function(view(layout, x.data(), b, t, kv, d), y.data(), b, t, h, d, nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

void attention(const char* implementation, Layout layout) {
  const AttentionShape shape = {.b = 1, .t = 64, .h = 2, .kv = 1, .d = 64, .causal = true, .scale = 0.125f};
  const auto q = random(shape.b * shape.t * shape.h * shape.d);
  const auto k = random(shape.b * shape.t * shape.kv * shape.d);
  const auto v = random(shape.b * shape.t * shape.kv * shape.d);
  DeviceBuffer<float> out(q.size());
  DeviceBuffer<float> saved(find_implementation<AttentionMemoryUse>(implementation).function(shape).saved);
  find_implementation<AttentionForward>(implementation)
      .function(view(layout, q.data(), shape.b, shape.t, shape.h, shape.d),
                view(layout, k.data(), shape.b, shape.t, shape.kv, shape.d),
                view(layout, v.data(), shape.b, shape.t, shape.kv, shape.d),
                view(layout, out.data(), shape.b, shape.t, shape.h, shape.d), saved.data(), shape, nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

struct Case {
  const char* name;
  void (*launch)();
};

constexpr Case kCases[] = {
    {"vector_add", [] { add_vectors("solution", 10'000); }},
    {"vector_add_vectorized", [] { add_vectors("vectorized", 10'000); }},
    {"matmul_naive_nn", [] { multiply("naive", MatmulLayout::kNN, 64, 96, 64); }},
    {"matmul_naive_nt", [] { multiply("naive", MatmulLayout::kNT, 64, 96, 64); }},
    {"matmul_tiled", [] { multiply("solution", MatmulLayout::kNN, 128, 128, 64); }},
    {"softmax", [] { softmax("solution", 32, 1024); }},
    {"softmax_three_pass", [] { softmax("three_pass", 32, 1000); }},
    {"layernorm", [] { layernorm("solution", 32, 1024); }},
    {"rmsnorm", [] { rmsnorm("solution", 32, 1024); }},
    {"rmsnorm_thread_per_row", [] { rmsnorm("thread_per_row", 64, 256); }},
    {"repeat_kv_token_major", [] { repeat_kv("solution", Layout::kTokenMajor); }},
    {"repeat_kv_feature_major", [] { repeat_kv("solution", Layout::kFeatureMajor); }},
    {"repeat_kv_tiled", [] { repeat_kv("tiled", Layout::kFeatureMajor); }},
    {"attention_warp_token_major", [] { attention("warp_per_query", Layout::kTokenMajor); }},
    {"attention_warp_feature_major", [] { attention("warp_per_query", Layout::kFeatureMajor); }},
    {"attention_tiled", [] { attention("solution", Layout::kTokenMajor); }},
};

// All cases, or the one of that name; false where there is none.
bool launch(std::string_view name) {
  bool found = false;
  for (const Case& one : kCases) {
    if (!name.empty() && name != one.name) continue;
    one.launch();
    found = true;
  }
  return found;
}

}  // namespace
}  // namespace wb

int main(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--list") {
    for (const wb::Case& one : wb::kCases) std::printf("%s\n", one.name);
    return 0;
  }
  try {
    if (!wb::launch(name)) {
      std::fprintf(stderr, "chapter_kernels: no case '%s'; --list prints those there are\n", argv[1]);
      return 2;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "chapter_kernels: %s\n", error.what());
    return 1;
  }
  return 0;
}
