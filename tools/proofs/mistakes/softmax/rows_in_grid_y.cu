// Mistake: counts the rows in gridDim.y, whose limit is 65535.
// First screen: a grid of \(1,\d+,1\); the limit is
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void rows_in_grid_y_kernel(const float* x, float* y, int columns) {
  const float* in = x + blockIdx.y * static_cast<std::int64_t>(columns);
  float* out = y + blockIdx.y * static_cast<std::int64_t>(columns);
  float maximum = -INFINITY, sum = 0.0f;
  for (int c = threadIdx.x; c < columns; c += kWarp) maximum = fmaxf(maximum, in[c]);
  const float shift = shift_for(warp_max(maximum));
  for (int c = threadIdx.x; c < columns; c += kWarp) sum += expf(in[c] - shift);
  const float inverse = inverse_of(warp_sum(sum));
  for (int c = threadIdx.x; c < columns; c += kWarp) out[c] = expf(in[c] - shift) * inverse;
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  rows_in_grid_y_kernel<<<dim3(1, rows), kWarp, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, rows_in_grid_y, launch);

}  // namespace
}  // namespace wb::mistake
