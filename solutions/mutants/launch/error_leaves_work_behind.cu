// Mistake: after an error it frees and returns while earlier pieces are still on their way.
// Caught as: nothing waits for
#include "solutions/mutants/launch/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

cudaError_t add_piece(const Lane& lane, const float* a, const float* b, float* out, std::int64_t n) {
  cudaError_t error = cudaMemcpyAsync(lane.a, a, bytes_of(n), cudaMemcpyHostToDevice, lane.stream);
  if (error == cudaSuccess)
    error = cudaMemcpyAsync(lane.b, b, bytes_of(n), cudaMemcpyHostToDevice, lane.stream);
  if (error != cudaSuccess) return error;
  add_kernel<<<blocks_for(n), kThreads, 0, lane.stream>>>(lane.a, lane.b, lane.out, n);
  error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  return cudaMemcpyAsync(out, lane.out, bytes_of(n), cudaMemcpyDeviceToHost, lane.stream);
}

cudaError_t error_leaves_work_behind(const float* a, const float* b, float* out, std::int64_t n,
                                     std::int64_t piece) {
  if (n == 0) return cudaSuccess;
  Lane lanes[2];
  cudaError_t error = cudaSuccess;
  for (Lane& lane : lanes) {
    if (error == cudaSuccess) error = open(lane, std::min(piece, n));
  }
  for (std::int64_t first = 0; first < n && error == cudaSuccess; first += piece) {
    const Lane& lane = lanes[first / piece % 2];
    error = add_piece(lane, a + first, b + first, out + first, std::min(piece, n - first));
  }
  for (const Lane& lane : lanes) {
    if (error == cudaSuccess) error = cudaStreamSynchronize(lane.stream);
  }
  for (Lane& lane : lanes) keep_first(error, close(lane));
  return error;
}

WB_REGISTER(LaunchStreamed, error_leaves_work_behind, error_leaves_work_behind);

}  // namespace
}  // namespace wb
