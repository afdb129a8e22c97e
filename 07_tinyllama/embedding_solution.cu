// Token embedding: copy rows in, add gradients back to the rows they came from.
//
// Forward: one thread per element of (N, C), neighbours copy neighbouring floats; 8 bytes an element.
// Backward: a token may occur many times, so many rows of dout add to one row of dweight. atomicAdd would do
// it in an order that changes from run to run, and so would the last bits. Instead the first place of each
// token owns it. A block per place looks for an earlier one, its threads sharing the search, and stops if
// there is one; else its threads walk over the later places in order and add up in registers, a column each
// kBackwardThreads apart. Bytes that must move: 4 N C of dout, and 8 C for each distinct token.
#include <cstdint>

#include "07_tinyllama/embedding.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void embedding_forward_kernel(const int* tokens,    // (N)
                                         const float* weight,  // (V, C)
                                         float* out,           // (N, C)
                                         int n, int c) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= static_cast<std::int64_t>(n) * c) return;
  out[i] = weight[static_cast<std::int64_t>(tokens[i / c]) * c + i % c];
}

constexpr int kBackwardThreads = 32;
constexpr int kColumns = 4;
constexpr int kBlockColumns = kBackwardThreads * kColumns;

// Block (place, group): columns [group * kBlockColumns, + kBlockColumns).
__global__ void embedding_backward_kernel(const int* tokens,  // (N)
                                          const float* dout,  // (N, C)
                                          float* dweight,     // (V, C)
                                          int n, int c) {
  const int place = blockIdx.x;
  const int token = tokens[place];
  int found = 0;
  for (int earlier = threadIdx.x; earlier < place; earlier += kBackwardThreads)
    found |= tokens[earlier] == token;
  if (__syncthreads_or(found)) return;

  const int first_column = blockIdx.y * kBlockColumns + threadIdx.x;
  float sum[kColumns] = {};
  for (int i = place; i < n; ++i) {
    if (tokens[i] != token) continue;
    for (int k = 0; k < kColumns; ++k) {
      const int column = first_column + k * kBackwardThreads;
      if (column < c) sum[k] += dout[static_cast<std::int64_t>(i) * c + column];
    }
  }
  for (int k = 0; k < kColumns; ++k) {
    const int column = first_column + k * kBackwardThreads;
    if (column < c) dweight[static_cast<std::int64_t>(token) * c + column] += sum[k];
  }
}

void embedding_forward_solution(const int* tokens, const float* weight, float* out, int n, int c,
                                cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(tokens != nullptr, tokens);
  WB_REQUIRE(weight != nullptr, weight);
  WB_REQUIRE(out != nullptr, out);
  const auto blocks = static_cast<unsigned>((static_cast<std::int64_t>(n) * c + kThreads - 1) / kThreads);
  embedding_forward_kernel<<<blocks, kThreads, 0, stream>>>(tokens, weight, out, n, c);
  WB_CHECK_LAUNCH();
}

void embedding_backward_solution(const int* tokens, const float* dout, float* dweight, int n, int c,
                                 cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(tokens != nullptr, tokens);
  WB_REQUIRE(dout != nullptr, dout);
  WB_REQUIRE(dweight != nullptr, dweight);
  const int groups = (c - 1) / kBlockColumns + 1;
  const dim3 grid(static_cast<unsigned>(n), static_cast<unsigned>(groups));
  embedding_backward_kernel<<<grid, kBackwardThreads, 0, stream>>>(tokens, dout, dweight, n, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(EmbeddingForward, solution, embedding_forward_solution);
WB_REGISTER(EmbeddingBackward, solution, embedding_backward_solution);

}  // namespace wb
