// CUDA graphs of one captured stream. A node is the operation that the stream would have run; a launch of the
// graph submits a copy of each, in their order.
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "cuda_runtime_api.h"
#include "runtime/capture.h"
#include "runtime/failure.h"
#include "runtime/scheduler.h"

struct CUgraph_st {
  std::vector<std::shared_ptr<simt::detail::Operation>> nodes;
};

struct CUgraphExec_st {
  std::vector<std::shared_ptr<simt::detail::Operation>> nodes;
  std::shared_ptr<simt::detail::Recording> last;  // the end of its latest launch
};

namespace simt::detail {
namespace {

// Never destroyed: static objects of the program may own graphs.
template <class T>
struct Handles {
  std::mutex mutex;
  std::unordered_map<T*, std::unique_ptr<T>> known;

  static Handles& get() {
    static Handles& forever = *new Handles;
    return forever;
  }
  T* add(std::unique_ptr<T> made) {
    const std::lock_guard lock(mutex);
    T* const handle = made.get();
    known.emplace(handle, std::move(made));
    return handle;
  }
  bool has(T* handle) {
    const std::lock_guard lock(mutex);
    return known.count(handle) == 1;
  }
  bool remove(T* handle) {
    const std::lock_guard lock(mutex);
    return known.erase(handle) == 1;
  }
};

// The captures that are not over.
struct Captures {
  std::mutex mutex;
  std::vector<std::pair<Stream*, std::shared_ptr<Capture>>> active;
  std::atomic<std::size_t> count = 0;

  static Captures& get() {
    static Captures& forever = *new Captures;
    return forever;
  }
};

cudaError_t stream_of(cudaStream_t handle, Stream*& stream) {
  if (on_worker()) return cudaErrorNotPermitted;
  stream = Scheduler::get().find(handle);
  return stream == nullptr ? cudaErrorInvalidResourceHandle : cudaSuccess;
}

void forget(const std::shared_ptr<Capture>& capture) {
  Captures& captures = Captures::get();
  const std::lock_guard lock(captures.mutex);
  std::erase_if(captures.active, [&](const auto& one) { return one.second == capture; });
  captures.count = captures.active.size();
}

cudaError_t refuse(Capture& capture, const char* call) {
  capture.invalid = true;
  explain(std::string(call) +
          " is not permitted while a stream is captured: nothing runs meanwhile, so there "
          "is nothing to wait for, and what the graph uses must exist before");
  return cudaErrorStreamCaptureUnsupported;
}

std::shared_ptr<Operation> copy_of(const Operation& node) {
  auto copy = std::make_shared<Operation>();
  copy->grid = node.grid;
  copy->work = node.work;
  copy->name = node.name;
  copy->on_timeline = node.on_timeline;
  copy->tells_host = node.tells_host;
  copy->shown = node.shown;
  copy->shown.submitted_ns = 0;
  copy->order = node.order;
  copy->total = node.total;
  copy->chunk = node.chunk;
  if (copy->grid != nullptr) copy->number = next_launch();
  return copy;
}

}  // namespace

cudaError_t refused_by_capture(const char* call) {
  Captures& captures = Captures::get();
  if (captures.count.load(std::memory_order_relaxed) == 0) return cudaSuccess;
  const std::lock_guard lock(captures.mutex);
  cudaError_t code = cudaSuccess;
  for (const auto& [stream, capture] : captures.active) {
    const bool concerns = capture->of_all_threads || capture->thread == std::this_thread::get_id();
    if (!capture->is_relaxed && concerns) code = refuse(*capture, call);
  }
  return code;
}

cudaError_t refused_by_capture_of(Stream* stream, const char* call) {
  Captures& captures = Captures::get();
  if (captures.count.load(std::memory_order_relaxed) == 0) return cudaSuccess;
  const std::lock_guard lock(captures.mutex);
  for (const auto& [captured, capture] : captures.active) {
    if (captured == stream) return refuse(*capture, call);
  }
  return cudaSuccess;
}

void drop_capture(Stream* stream) {
  const std::shared_ptr<Capture> capture = Scheduler::get().set_capture(stream, nullptr);
  if (capture != nullptr) forget(capture);
}

bool refused_event_in_capture(Stream* stream) {
  const std::shared_ptr<Capture> capture = Scheduler::get().capture_of(stream);
  if (capture == nullptr) return false;
  capture->invalid = true;
  explain("the CPU device (simt) captures one stream alone, without events");
  return true;
}

cudaError_t not_ordered_by_capture(Stream* stream) {
  Captures& captures = Captures::get();
  if (captures.count.load(std::memory_order_relaxed) == 0) return cudaSuccess;
  if (stream != Scheduler::get().null_stream()) return cudaSuccess;
  const std::lock_guard lock(captures.mutex);
  for (const auto& [captured, capture] : captures.active) {
    if (!captured->blocking) continue;
    capture->invalid = true;
    explain(
        "work for the default stream while a stream is captured that waits for it: use the stream that "
        "is captured");
    return cudaErrorStreamCaptureImplicit;
  }
  return cudaSuccess;
}

}  // namespace simt::detail

using namespace simt::detail;

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  Stream* stream = nullptr;
  const cudaError_t code = stream_of(handle, stream);
  if (code != cudaSuccess) return result(code);
  if (mode < cudaStreamCaptureModeGlobal || mode > cudaStreamCaptureModeRelaxed) {
    return result(cudaErrorInvalidValue);
  }
  if (stream == Scheduler::get().null_stream()) return result(cudaErrorStreamCaptureUnsupported);
  if (Scheduler::get().capture_of(stream) != nullptr) return result(cudaErrorIllegalState);
  auto capture = std::make_shared<Capture>();
  capture->thread = std::this_thread::get_id();
  capture->of_all_threads = mode == cudaStreamCaptureModeGlobal;
  capture->is_relaxed = mode == cudaStreamCaptureModeRelaxed;
  Captures& captures = Captures::get();
  const std::lock_guard lock(captures.mutex);
  captures.active.emplace_back(stream, capture);
  captures.count = captures.active.size();
  Scheduler::get().set_capture(stream, std::move(capture));
  return result(cudaSuccess);
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  if (graph == nullptr) return result(cudaErrorInvalidValue);
  *graph = nullptr;
  Stream* stream = nullptr;
  const cudaError_t code = stream_of(handle, stream);
  if (code != cudaSuccess) return result(code);
  const std::shared_ptr<Capture> capture = Scheduler::get().set_capture(stream, nullptr);
  if (capture == nullptr) return result(cudaErrorIllegalState);
  forget(capture);
  if (capture->invalid) return result(cudaErrorStreamCaptureInvalidated);
  auto made = std::make_unique<CUgraph_st>();
  made->nodes = std::move(capture->nodes);
  *graph = Handles<CUgraph_st>::get().add(std::move(made));
  return result(cudaSuccess);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  if (status == nullptr) return result(cudaErrorInvalidValue);
  Stream* stream = nullptr;
  const cudaError_t code = stream_of(handle, stream);
  if (code != cudaSuccess) return result(code);
  const std::shared_ptr<Capture> capture = Scheduler::get().capture_of(stream);
  *status = capture == nullptr ? cudaStreamCaptureStatusNone
            : capture->invalid ? cudaStreamCaptureStatusInvalidated
                               : cudaStreamCaptureStatusActive;
  return result(cudaSuccess);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  if (executable == nullptr || !Handles<CUgraph_st>::get().has(graph)) return result(cudaErrorInvalidValue);
  auto made = std::make_unique<CUgraphExec_st>();
  made->nodes = graph->nodes;
  *executable = Handles<CUgraphExec_st>::get().add(std::move(made));
  return result(cudaSuccess);
}

// After all that the stream holds, and after the latest launch of the same graph in any stream.
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  Stream* stream = nullptr;
  cudaError_t code = stream_of(handle, stream);
  if (code == cudaSuccess && !Handles<CUgraphExec_st>::get().has(executable)) code = cudaErrorInvalidValue;
  if (code == cudaSuccess) code = device_error();
  if (code == cudaSuccess && !Scheduler::get().accepts_work()) code = cudaErrorCudartUnloading;
  if (code == cudaSuccess && Scheduler::get().capture_of(stream) != nullptr) {
    explain("the CPU device (simt) has no graphs within graphs");
    code = cudaErrorNotSupported;
  }
  if (code == cudaSuccess) code = not_ordered_by_capture(stream);
  if (code != cudaSuccess) return result(code);
  if (executable->last != nullptr) {
    auto wait = std::make_shared<Operation>();
    wait->wait = executable->last;
    Scheduler::get().submit(stream, std::move(wait));
  }
  for (const auto& node : executable->nodes) Scheduler::get().submit(stream, copy_of(*node));
  auto end = std::make_shared<Operation>();
  executable->last = end->record = std::make_shared<Recording>();
  Scheduler::get().submit(stream, std::move(end));
  return result(cudaSuccess);
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  if (count == nullptr || !Handles<CUgraph_st>::get().has(graph)) return result(cudaErrorInvalidValue);
  if (nodes != nullptr) return result(cudaErrorNotSupported);
  *count = graph->nodes.size();
  return result(cudaSuccess);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return result(Handles<CUgraph_st>::get().remove(graph) ? cudaSuccess : cudaErrorInvalidValue);
}

// What was launched runs to its end: the operations hold what they need.
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return result(Handles<CUgraphExec_st>::get().remove(executable) ? cudaSuccess : cudaErrorInvalidValue);
}
