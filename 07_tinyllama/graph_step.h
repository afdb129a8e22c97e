// Contract: steps of training as launches of one CUDA graph.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace wb {

/// Puts the work of one step into a stream, and returns the first error. It neither allocates nor waits, and
/// passes the same arguments in every step.
using StepEnqueue = std::function<cudaError_t(cudaStream_t)>;

/// Runs `steps` steps in `stream`, one after the other, as launches of one graph. `enqueue` is called once,
/// while the stream is captured: its work runs only when the graph is launched. Does not wait.
/// Returns cudaSuccess or the first error, of `enqueue` too. In every case the stream is not captured any
/// more, and the graphs that were made are destroyed: launches that are under way still run to their end.
/// After an error no step is launched. steps = 0 does nothing.
/// Errors: steps < 0, an empty `enqueue` or the default stream, which cannot be captured, return
/// cudaErrorInvalidValue.
struct GraphStep {
  static constexpr const char* kName = "graph_step";
  using Function = cudaError_t(const StepEnqueue& enqueue,  //
                               int steps, cudaStream_t stream);
};

}  // namespace wb
