// Attention with OpenBLAS's matrix products, forward. For the CPU device only.
//
// A block is one thread, which takes 64 queries of a head: scores = scale Q K^T by one product, a softmax of
// each row, out = P V by another. Only 64 rows of scores exist at a time, so memory grows with T and not with
// its square. Causal blocks multiply only with the keys up to their last query. Strided keys and values are
// packed first: T D floats per block, 1/64 of what the products read.
//
// FLOPs: 4 B H T^2 D, a little more than half of it when causal. Saved: (B, H, T), the log-sum-exp.
// Next: attention_library_backward_cpu.cu.
#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_library_cpu.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace library_attention;

__global__ void attention_library_forward(HeadsView<const float> q,  // (B, T, H, D)
                                          HeadsView<const float> k,  // (B, T, K, D)
                                          HeadsView<const float> v,  // (B, T, K, D)
                                          HeadsView<float> out,      // (B, T, H, D)
                                          float* lse,                // (B, H, T)
                                          AttentionShape shape) {
  const int blocks = ceil_div(shape.t, kQueries);
  const int first = static_cast<int>(blockIdx.x % blocks) * kQueries;
  const int h = static_cast<int>(blockIdx.x / blocks % shape.h);
  const int b = static_cast<int>(blockIdx.x / blocks / shape.h);
  const int kv_head = h / (shape.h / shape.kv);
  const int rows = std::min(kQueries, shape.t - first);
  const int keys = shape.causal ? first + rows : shape.t;
  const int d = shape.d;

  const PackedRows queries(q, b, h, first, rows, d);
  const PackedRows key_rows(k, b, kv_head, 0, keys, d);
  const PackedRows value_rows(v, b, kv_head, 0, keys, d);
  std::vector<float> scores(static_cast<std::size_t>(rows) * keys);  // (rows, keys)
  std::vector<float> result(static_cast<std::size_t>(rows) * d);     // (rows, D)
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, keys, d, shape.scale, queries.data,
              queries.stride, key_rows.data, key_rows.stride, 0.0f, scores.data(), keys);

  std::vector<float> weights(static_cast<std::size_t>(rows));
  for (int i = 0; i < rows; ++i) {
    float* row = scores.data() + static_cast<std::size_t>(i) * keys;
    const int seen = shape.causal ? first + i + 1 : keys;
    const float max = *std::max_element(row, row + seen);
    float sum = 0.0f;
    for (int s = 0; s < seen; ++s) sum += row[s] = expf(row[s] - max);
    std::fill(row + seen, row + keys, 0.0f);
    weights[i] = sum;
    lse[(static_cast<std::int64_t>(b) * shape.h + h) * shape.t + first + i] = max + logf(sum);
  }
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, d, keys, 1.0f, scores.data(), keys,
              value_rows.data, value_rows.stride, 0.0f, result.data(), d);
  for (int i = 0; i < rows; ++i) {
    const float factor = 1.0f / weights[i];
    for (int c = 0; c < d; ++c) result[static_cast<std::size_t>(i) * d + c] *= factor;
  }
  store_rows(result, out, b, h, first, rows, d);
}

}  // namespace

AttentionMemory attention_memory_library(const AttentionShape& shape) {
  attention_check(shape);
  const std::size_t rows = static_cast<std::size_t>(shape.b) * shape.h * shape.t;
  return {rows, 1};
}

void attention_forward_library(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                               HeadsView<float> out, float* saved, const AttentionShape& shape,
                               cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  // The CPU device's workers take blocks side by side, so each product gets one core.
  openblas_set_num_threads(1);
  const std::int64_t blocks = static_cast<std::int64_t>(shape.b) * shape.h * ceil_div(shape.t, kQueries);
  attention_library_forward<<<attention_grid(blocks), 1, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AttentionMemoryUse, library, attention_memory_library);
WB_REGISTER(AttentionForward, library, attention_forward_library);

}  // namespace wb
