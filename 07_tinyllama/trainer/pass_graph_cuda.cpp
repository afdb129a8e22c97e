// Recording by stream capture. The launches go to a stream of the graph's own while they are recorded: the
// legacy default stream, which a trainer may use, cannot be captured, but a graph can be launched into it.
#include "07_tinyllama/trainer/pass_graph.h"
#include "common/core/check.h"

namespace wb {

namespace {

// One for each host thread: libraries keep memory for each stream that they are called with.
cudaStream_t recording_stream() {
  thread_local cudaStream_t stream = nullptr;
  if (stream == nullptr) WB_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

}  // namespace

struct PassGraph::Impl {
  cudaEvent_t order = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  std::size_t nodes = 0;
  bool warmed_up = false;

  Impl() { WB_CUDA_CHECK(cudaEventCreateWithFlags(&order, cudaEventDisableTiming)); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (executable != nullptr) static_cast<void>(cudaGraphExecDestroy(executable));
    if (graph != nullptr) static_cast<void>(cudaGraphDestroy(graph));
    static_cast<void>(cudaEventDestroy(order));
  }

  // `enqueue` on the recording stream, between what `stream` did before and what it does next.
  void run_unrecorded(cudaStream_t stream, const Enqueue& enqueue) {
    const cudaStream_t recording = recording_stream();
    WB_CUDA_CHECK(cudaEventRecord(order, stream));
    WB_CUDA_CHECK(cudaStreamWaitEvent(recording, order, 0));
    enqueue(recording);
    WB_CUDA_CHECK(cudaEventRecord(order, recording));
    WB_CUDA_CHECK(cudaStreamWaitEvent(stream, order, 0));
  }

  void record(const Enqueue& enqueue) {
    const cudaStream_t recording = recording_stream();
    WB_CUDA_CHECK(cudaStreamBeginCapture(recording, cudaStreamCaptureModeThreadLocal));
    try {
      enqueue(recording);
    } catch (...) {
      // End the capture, so that the stream and the thread are usable; the first error is the one to report.
      static_cast<void>(cudaStreamEndCapture(recording, &graph));
      static_cast<void>(cudaGetLastError());
      throw;
    }
    WB_CUDA_CHECK(cudaStreamEndCapture(recording, &graph));
    WB_CUDA_CHECK(cudaGraphGetNodes(graph, nullptr, &nodes));
    WB_CUDA_CHECK(cudaGraphInstantiate(&executable, graph, 0));
  }
};

bool PassGraph::supported() {
  return true;
}
void PassGraph::require_supported() {}

PassGraph::PassGraph() : impl_(std::make_unique<Impl>()) {}
PassGraph::PassGraph(PassGraph&&) noexcept = default;
PassGraph& PassGraph::operator=(PassGraph&&) noexcept = default;
PassGraph::~PassGraph() = default;

void PassGraph::run(cudaStream_t stream, const Enqueue& enqueue) {
  if (!impl_->warmed_up) {
    impl_->run_unrecorded(stream, enqueue);
    impl_->warmed_up = true;
    return;
  }
  if (impl_->executable == nullptr) impl_->record(enqueue);
  WB_CUDA_CHECK(cudaGraphLaunch(impl_->executable, stream));
}

std::size_t PassGraph::nodes() const {
  return impl_->nodes;
}

}  // namespace wb
