// Mistake: the executable graph is never destroyed.
// Caught as: never destroyed: the graph that cudaGraphInstantiate
#include "07_tinyllama/graph_step.h"
#include "common/core/registry.h"

namespace wb {
namespace {

cudaError_t first_error(cudaError_t before, cudaError_t now) {
  return before != cudaSuccess ? before : now;
}

cudaError_t keeps_the_executable(const StepEnqueue& enqueue, int steps, cudaStream_t stream) {
  if (steps == 0) return cudaSuccess;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (error != cudaSuccess) return error;
  error = enqueue(stream);
  error = first_error(error, cudaStreamEndCapture(stream, &graph));

  if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, graph, 0);
  for (int i = 0; i < steps && error == cudaSuccess; ++i) error = cudaGraphLaunch(executable, stream);

  if (graph != nullptr) error = first_error(error, cudaGraphDestroy(graph));
  return error;
}

WB_REGISTER(GraphStep, keeps_the_executable, keeps_the_executable);

}  // namespace
}  // namespace wb
