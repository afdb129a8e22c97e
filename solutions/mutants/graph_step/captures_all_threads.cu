// Mistake: the mode of the capture forbids all threads to allocate.
// Caught as: cudaMalloc in another thread, during the capture
// Caught by: LetsOtherThreadsAllocate
#include "07_tinyllama/graph_step.h"
#include "common/core/registry.h"

namespace wb {
namespace {

cudaError_t first_error(cudaError_t before, cudaError_t now) {
  return before != cudaSuccess ? before : now;
}

cudaError_t captures_all_threads(const StepEnqueue& enqueue, int steps, cudaStream_t stream) {
  if (steps < 0 || enqueue == nullptr || stream == nullptr) return cudaErrorInvalidValue;
  if (steps == 0) return cudaSuccess;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  cudaError_t error = cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
  if (error != cudaSuccess) return error;
  error = enqueue(stream);
  error = first_error(error, cudaStreamEndCapture(stream, &graph));

  if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, graph, 0);
  for (int i = 0; i < steps && error == cudaSuccess; ++i) error = cudaGraphLaunch(executable, stream);

  if (executable != nullptr) error = first_error(error, cudaGraphExecDestroy(executable));
  if (graph != nullptr) error = first_error(error, cudaGraphDestroy(graph));
  return error;
}

WB_REGISTER(GraphStep, captures_all_threads, captures_all_threads);

}  // namespace
}  // namespace wb
