// Steps of training as launches of one graph.
//
// A launch costs the host a few microseconds: it checks arguments, copies them, and writes a command. A step
// of a small model has hundreds of kernels that take less than that, so the device waits for the host.
// Capture records the launches once. Instantiation prepares them. After that, one call of the host starts all
// of them.
//
// ThreadLocal: meanwhile, other threads may allocate and wait, and this one may not. `enqueue` may fail
// within the capture, which has to end in any case: a stream that stays captured is of no use for anything
// else.
//
// The graph can be destroyed while it runs: CUDA frees it when the launches have ended.
#include "07_tinyllama/graph_step.h"
#include "common/core/registry.h"

namespace wb {
namespace {

cudaError_t first_error(cudaError_t before, cudaError_t now) {
  return before != cudaSuccess ? before : now;
}

cudaError_t graph_step_solution(const StepEnqueue& enqueue, int steps, cudaStream_t stream) {
  if (steps < 0 || enqueue == nullptr || stream == nullptr) return cudaErrorInvalidValue;
  if (steps == 0) return cudaSuccess;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (error != cudaSuccess) return error;
  error = enqueue(stream);
  error = first_error(error, cudaStreamEndCapture(stream, &graph));

  if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, graph, 0);
  for (int i = 0; i < steps && error == cudaSuccess; ++i) error = cudaGraphLaunch(executable, stream);

  if (executable != nullptr) error = first_error(error, cudaGraphExecDestroy(executable));
  if (graph != nullptr) error = first_error(error, cudaGraphDestroy(graph));
  return error;
}

WB_REGISTER(GraphStep, solution, graph_step_solution);

}  // namespace
}  // namespace wb
