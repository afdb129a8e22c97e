// Your turn: a step of training as a CUDA graph. graph_step.md is the lesson; hints.md has hints.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 07 graph_step
//
// There is no kernel to write: `enqueue` launches those of a step.
#include "07_tinyllama/graph_step.h"
#include "common/core/registry.h"

namespace wb {
namespace {

cudaError_t graph_step_starter(const StepEnqueue& enqueue, int steps, cudaStream_t stream) {
  if (steps < 0 || enqueue == nullptr || stream == nullptr) return cudaErrorInvalidValue;
  if (steps == 0) return cudaSuccess;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  // TODO 1: Capture one step: begin the capture of the stream (mode cudaStreamCaptureModeThreadLocal), call
  //         `enqueue`, and end the capture, which gives the graph.

  // TODO 2: Instantiate the graph once, and launch it `steps` times.

  // TODO 3: Destroy both. Launches that are under way still run to their end.

  // TODO 4: Return the first error of any of these calls, and of `enqueue`. The capture must end in any case,
  //         no step is launched after an error, and what was made is destroyed.
  return cudaSuccess;
}

WB_REGISTER(GraphStep, starter, graph_step_starter);

}  // namespace
}  // namespace wb
