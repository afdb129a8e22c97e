// Mistake: the loop goes on after a launch that failed.
// Caught as: launched after (the|an) error
#include "07_tinyllama/graph_step.h"
#include "common/core/registry.h"

namespace wb {
namespace {

cudaError_t first_error(cudaError_t before, cudaError_t now) {
  return before != cudaSuccess ? before : now;
}

cudaError_t launches_after_an_error(const StepEnqueue& enqueue, int steps, cudaStream_t stream) {
  if (steps == 0) return cudaSuccess;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (error != cudaSuccess) return error;
  error = enqueue(stream);
  error = first_error(error, cudaStreamEndCapture(stream, &graph));

  if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, graph, 0);
  for (int i = 0; i < steps && graph != nullptr; ++i) {
    error = first_error(error, cudaGraphLaunch(executable, stream));
  }

  if (executable != nullptr) error = first_error(error, cudaGraphExecDestroy(executable));
  if (graph != nullptr) error = first_error(error, cudaGraphDestroy(graph));
  return error;
}

WB_REGISTER(GraphStep, launches_after_an_error, launches_after_an_error);

}  // namespace
}  // namespace wb
