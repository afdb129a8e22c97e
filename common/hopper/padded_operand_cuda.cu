// Copies operands whose rows TMA cannot read: see padded_operand.h.
#include "common/hopper/padded_operand.h"

#include <cstdint>

#include "common/core/check.h"
#include "common/hopper/tensor_map.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr int kPiece = 8;  // bf16 in 16 bytes

// One thread writes 16 bytes of a padded row.
__global__ void pad_kernel(const bf16* from,  // (rows, columns)
                           uint4* to,         // (rows, pieces) of 8 elements
                           int columns, int pieces, std::int64_t count) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= count) return;
  const bf16* row = from + index / pieces * columns;
  const int column = static_cast<int>(index % pieces) * kPiece;
  alignas(16) bf16 values[kPiece];
#pragma unroll
  for (int i = 0; i < kPiece; ++i) values[i] = column + i < columns ? row[column + i] : bf16(0.0f);
  to[index] = *reinterpret_cast<const uint4*>(values);
}

}  // namespace

PaddedOperand::PaddedOperand(const bf16* data, int rows, int columns, cudaStream_t stream)
    : data_(data), rows_(rows), columns_(columns), stream_(stream) {
  if (hopper::can_map(data, columns, sizeof(bf16))) return;
  const int pieces = (columns + kPiece - 1) / kPiece;
  const std::int64_t count = std::int64_t{rows} * pieces;
  const std::int64_t blocks = (count + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= INT32_MAX, blocks);
  columns_ = pieces * kPiece;
  WB_CUDA_CHECK(
      cudaMallocAsync(reinterpret_cast<void**>(&copy_), static_cast<std::size_t>(count) * 16, stream));
  pad_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(data, reinterpret_cast<uint4*>(copy_),
                                                                     columns, pieces, count);
  WB_CHECK_LAUNCH();
}

PaddedOperand::~PaddedOperand() {
  if (copy_) cudaFreeAsync(copy_, stream_);
}

}  // namespace wb
