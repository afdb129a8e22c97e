// Token embedding: copy rows in, add gradients back to the rows they came from.
//
// Forward: one block per token copies one row. Neighboring threads copy neighboring packs of 16 bytes, or
// single elements if the rows do not allow packs. 8 bytes per element, 4 in bf16.
//
// Backward: a token may occur many times, so many rows of dout are added to one row of dweight. With
// atomicAdd the order of these additions, and so the last bits, would change from run to run. Instead, the
// first occurrence of each token owns the row. There is one warp per position. Its lanes search for an
// earlier occurrence together, and the warp stops if there is one. Otherwise it loops over the later
// positions, 32 at a time. A vote tells which of them have its token, and those rows are added in order, in
// registers: kColumns neighboring columns per lane. Bytes that must move: 4 N C of dout (2 in bf16), and 8 C
// for each distinct token. dweight is always fp32, because it is a sum.
#include <algorithm>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "07_tinyllama/embedding_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kMaxThreads = 256;
constexpr int kColumns = 4;  // of a lane, backward
template <class T>
constexpr int kPackWidth = 16 / sizeof(T);

// Block i copies row tokens[i].
template <int kWidth, class T>
__global__ void embedding_forward_kernel(const int* tokens,  // (N)
                                         const T* weight,    // (V, C)
                                         T* out,             // (N, C)
                                         int c) {
  const std::int64_t place = blockIdx.x, token = tokens[place];
  const auto* from = reinterpret_cast<const Pack<kWidth, T>*>(weight + token * c);
  auto* to = reinterpret_cast<Pack<kWidth, T>*>(out + place * c);
  for (int i = threadIdx.x; i < c / kWidth; i += blockDim.x) to[i] = from[i];
}

// Block (place, group), a warp: columns [group * 32 * kWidth, + 32 * kWidth), kWidth a lane.
template <int kWidth, class T>
__global__ void embedding_backward_kernel(const int* tokens,  // (N)
                                          const T* dout,      // (N, C)
                                          float* dweight,     // (V, C)
                                          int n, int c) {
  const int lane = threadIdx.x;
  const int place = blockIdx.x;
  const int token = tokens[place];
  bool found = false;
  for (int earlier = lane; earlier < place; earlier += kWarp) found |= tokens[earlier] == token;
  if (__any_sync(kAllLanes, found)) return;

  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.y) * kWarp + lane) * kWidth;
  float sum[kWidth] = {};
  for (int chunk = place; chunk < n; chunk += kWarp) {
    const bool mine = chunk + lane < n && tokens[chunk + lane] == token;
    for (unsigned left = __ballot_sync(kAllLanes, mine); left != 0; left &= left - 1) {
      const std::int64_t row = chunk + __ffs(static_cast<int>(left)) - 1;
      if (column >= c) continue;
      const auto values = *reinterpret_cast<const Pack<kWidth, T>*>(dout + row * c + column);
      for (int k = 0; k < kWidth; ++k) sum[k] += to_float(values.values[k]);
    }
  }
  if (column >= c) return;
  auto* out = reinterpret_cast<Pack<kWidth>*>(dweight + static_cast<std::int64_t>(token) * c + column);
  Pack<kWidth> total = *out;
  for (int k = 0; k < kWidth; ++k) total.values[k] += sum[k];
  *out = total;
}

template <class T>
void embedding_forward_solution(const int* tokens, const T* weight, T* out, int n, int c,
                                cudaStream_t stream) {
  require_embedding_forward(tokens, weight, out, n, c);
  const bool wide = rows_fit_pack<kPackWidth<T>>(c, weight, out);
  const auto kernel = wide ? embedding_forward_kernel<kPackWidth<T>, T> : embedding_forward_kernel<1, T>;
  const int threads = std::min(threads_for_row(c, wide ? kPackWidth<T> : 1), kMaxThreads);
  kernel<<<n, threads, 0, stream>>>(tokens, weight, out, c);
  WB_CHECK_LAUNCH();
}

template <class T>
void embedding_backward_solution(const int* tokens, const T* dout, float* dweight, int n, int c,
                                 cudaStream_t stream) {
  require_embedding_backward(tokens, dout, dweight, n, c);
  const bool wide = rows_fit_pack<kColumns>(c, dout) && rows_fit_pack<kColumns>(c, dweight);
  const int columns = kWarp * (wide ? kColumns : 1);  // of a block
  const dim3 grid(static_cast<unsigned>(n), static_cast<unsigned>((c - 1) / columns + 1));
  WB_REQUIRE(grid.y <= 65535, c);
  const auto kernel = wide ? embedding_backward_kernel<kColumns, T> : embedding_backward_kernel<1, T>;
  kernel<<<grid, kWarp, 0, stream>>>(tokens, dout, dweight, n, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(EmbeddingForward, solution, embedding_forward_solution<float>);
WB_REGISTER(EmbeddingBackward, solution, embedding_backward_solution<float>);
WB_REGISTER(EmbeddingForwardBf16, solution, embedding_forward_solution<bf16>);
WB_REGISTER(EmbeddingBackwardBf16, solution, embedding_backward_solution<bf16>);

}  // namespace wb
