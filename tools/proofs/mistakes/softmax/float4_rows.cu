// Mistake: rows are stored four floats at a time, though a row of odd length is not aligned.
// First screen: misaligned
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void float4_rows_kernel(const float* x,  // (rows, columns)
                                   float* y,        // (rows, columns)
                                   int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  float maximum = -INFINITY;
  for (int c = threadIdx.x; c < columns; c += kWarp) maximum = fmaxf(maximum, x[start + c]);
  const float shift = shift_for(warp_max(maximum));
  float sum = 0.0f;
  for (int c = threadIdx.x; c < columns; c += kWarp) sum += expf(x[start + c] - shift);
  const float inverse = inverse_of(warp_sum(sum));
  for (int c = 4 * threadIdx.x; c + 3 < columns; c += 4 * kWarp) {
    const float4 in = *reinterpret_cast<const float4*>(x + start + c);
    *reinterpret_cast<float4*>(y + start + c) =
        make_float4(expf(in.x - shift) * inverse, expf(in.y - shift) * inverse, expf(in.z - shift) * inverse,
                    expf(in.w - shift) * inverse);
  }
  const int whole = columns / 4 * 4;
  if (whole + threadIdx.x < columns) {
    const std::int64_t i = start + whole + threadIdx.x;
    y[i] = expf(x[i] - shift) * inverse;
  }
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  float4_rows_kernel<<<rows, kWarp, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, float4_rows, launch);

}  // namespace
}  // namespace wb::mistake
