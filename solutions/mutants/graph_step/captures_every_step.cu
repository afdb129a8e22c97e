// Mistake: the graph holds all steps, and grows with their number.
// Caught as: was called 5 times: a graph is captured once
#include "07_tinyllama/graph_step.h"
#include "common/core/registry.h"

namespace wb {
namespace {

cudaError_t first_error(cudaError_t before, cudaError_t now) {
  return before != cudaSuccess ? before : now;
}

cudaError_t captures_every_step(const StepEnqueue& enqueue, int steps, cudaStream_t stream) {
  if (steps == 0) return cudaSuccess;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  if (error != cudaSuccess) return error;
  for (int i = 0; i < steps && error == cudaSuccess; ++i) error = enqueue(stream);
  error = first_error(error, cudaStreamEndCapture(stream, &graph));

  if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, graph, 0);
  if (error == cudaSuccess) error = cudaGraphLaunch(executable, stream);

  if (executable != nullptr) error = first_error(error, cudaGraphExecDestroy(executable));
  if (graph != nullptr) error = first_error(error, cudaGraphDestroy(graph));
  return error;
}

WB_REGISTER(GraphStep, captures_every_step, captures_every_step);

}  // namespace
}  // namespace wb
