// The steps launch by launch, without a graph: what graph_step_solution.cu is compared with.
//
// The host makes steps * (kernels of a step) launches. While kernels take longer than a launch, the device is
// never idle, and a graph gains nothing.
#include "07_tinyllama/graph_step.h"
#include "common/core/registry.h"

namespace wb {
namespace {

cudaError_t graph_step_eager(const StepEnqueue& enqueue, int steps, cudaStream_t stream) {
  if (steps < 0 || enqueue == nullptr || stream == nullptr) return cudaErrorInvalidValue;
  cudaError_t error = cudaSuccess;
  for (int step = 0; step < steps && error == cudaSuccess; ++step) error = enqueue(stream);
  return error;
}

WB_REGISTER(GraphStep, eager, graph_step_eager);

}  // namespace
}  // namespace wb
