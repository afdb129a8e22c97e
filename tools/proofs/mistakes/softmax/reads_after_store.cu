// Mistake: the last pass reads x again after y was stored, which may be the same memory.
// First screen: WorksInPlace
#include "tools/proofs/mistakes/softmax/softmax.cuh"

namespace wb::mistake {
namespace {

__global__ void reads_after_store_kernel(const float* x,  // (rows, columns)
                                         float* y,        // (rows, columns)
                                         int columns) {
  const float* in = x + blockIdx.x * static_cast<std::int64_t>(columns);
  float* out = y + blockIdx.x * static_cast<std::int64_t>(columns);
  float maximum = -INFINITY;
  for (int c = threadIdx.x; c < columns; c += kWarp) maximum = fmaxf(maximum, in[c]);
  const float shift = shift_for(warp_max(maximum));
  float sum = 0.0f;
  for (int c = threadIdx.x; c < columns; c += kWarp) {
    out[c] = expf(in[c] - shift);
    sum += expf(in[c] - shift);
  }
  const float inverse = inverse_of(warp_sum(sum));
  for (int c = threadIdx.x; c < columns; c += kWarp) out[c] *= inverse;
}

void launch(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  reads_after_store_kernel<<<rows, kWarp, 0, stream>>>(x, y, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxForward, reads_after_store, launch);

}  // namespace
}  // namespace wb::mistake
