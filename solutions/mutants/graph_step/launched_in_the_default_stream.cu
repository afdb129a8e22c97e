// Mistake: the graph is launched in the default stream.
// Caught as: a step is launched in another stream than the given one
// Caught by: RunsEveryStep
#include "07_tinyllama/graph_step.h"
#include "common/core/registry.h"

namespace wb {
namespace {

cudaError_t first_error(cudaError_t before, cudaError_t now) {
  return before != cudaSuccess ? before : now;
}

cudaError_t launched_in_the_default_stream(const StepEnqueue& enqueue, int steps, cudaStream_t stream) {
  if (steps < 0 || enqueue == nullptr || stream == nullptr) return cudaErrorInvalidValue;
  if (steps == 0) return cudaSuccess;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (error != cudaSuccess) return error;
  error = enqueue(stream);
  error = first_error(error, cudaStreamEndCapture(stream, &graph));

  if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, graph, 0);
  for (int i = 0; i < steps && error == cudaSuccess; ++i) error = cudaGraphLaunch(executable, nullptr);

  if (executable != nullptr) error = first_error(error, cudaGraphExecDestroy(executable));
  if (graph != nullptr) error = first_error(error, cudaGraphDestroy(graph));
  return error;
}

WB_REGISTER(GraphStep, launched_in_the_default_stream, launched_in_the_default_stream);

}  // namespace
}  // namespace wb
