// Without graphs: a launch costs the CPU device less than what a graph would save.
#include "07_tinyllama/trainer/pass_graph.h"
#include "common/core/error.h"

namespace wb {

struct PassGraph::Impl {};

bool PassGraph::supported() {
  return false;
}
void PassGraph::require_supported() {
  throw Error(
      "graph: on the CPU device the trainer uses no CUDA graphs, which save nothing there; leave the graph "
      "out, or build for a GPU");
}

PassGraph::PassGraph() = default;
PassGraph::PassGraph(PassGraph&&) noexcept = default;
PassGraph& PassGraph::operator=(PassGraph&&) noexcept = default;
PassGraph::~PassGraph() = default;

void PassGraph::run(cudaStream_t, const Enqueue&) {
  require_supported();
}

std::size_t PassGraph::nodes() const {
  return 0;
}

}  // namespace wb
