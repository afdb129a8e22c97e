// Events: points in a stream, with the time at which the stream passed them.
#include <memory>
#include <unordered_map>

#include "runtime/capture.h"
#include "runtime/failure.h"
#include "runtime/scheduler.h"
#include "simt/api.h"

struct CUevent_st {
  bool timing = true;
  std::shared_ptr<simt::detail::Recording> recording;  // the latest; null before the first
};

namespace simt::detail {
namespace {

// Never destroyed: static objects of the program may own events.
struct Events {
  std::mutex mutex;
  std::unordered_map<cudaEvent_t, std::unique_ptr<CUevent_st>> by_handle;
};
Events& events() {
  static Events& forever = *new Events;
  return forever;
}

/// The latest recording of an event, if it exists and was recorded.
cudaError_t look_up(cudaEvent_t handle, std::shared_ptr<Recording>& recording, bool* timing = nullptr) {
  if (on_worker()) return cudaErrorNotPermitted;
  const std::lock_guard lock(events().mutex);
  const auto found = events().by_handle.find(handle);
  if (found == events().by_handle.end()) return cudaErrorInvalidResourceHandle;
  recording = found->second->recording;
  if (timing != nullptr) *timing = found->second->timing;
  return cudaSuccess;
}

}  // namespace
}  // namespace simt::detail

using namespace simt::detail;

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (event == nullptr || flags > 7) return result(cudaErrorInvalidValue);
  auto created = std::make_unique<CUevent_st>();
  created->timing = (flags & cudaEventDisableTiming) == 0;
  *event = created.get();
  const std::lock_guard lock(events().mutex);
  events().by_handle.emplace(*event, std::move(created));
  return result(cudaSuccess);
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::lock_guard lock(events().mutex);
  return result(events().by_handle.erase(event) == 1 ? cudaSuccess : cudaErrorInvalidResourceHandle);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  if (on_worker()) return cudaErrorNotPermitted;
  Stream* stream = Scheduler::get().find(handle);
  if (stream == nullptr) return result(cudaErrorInvalidResourceHandle);
  if (refused_event_in_capture(stream)) return result(cudaErrorNotSupported);
  auto operation = std::make_shared<Operation>();
  operation->record = std::make_shared<Recording>();
  operation->record->done = device_error() != cudaSuccess;  // the stream accepts no more work
  {
    const std::lock_guard lock(events().mutex);
    const auto found = events().by_handle.find(event);
    if (found == events().by_handle.end()) return result(cudaErrorInvalidResourceHandle);
    found->second->recording = operation->record;
  }
  if (!operation->record->done) Scheduler::get().submit(stream, std::move(operation));
  return result(cudaSuccess);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  std::shared_ptr<Recording> recording;
  const cudaError_t code = look_up(event, recording);
  if (code != cudaSuccess) return result(code);
  if (recording != nullptr) Scheduler::get().wait_recording(recording);
  return result(cudaSuccess);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  std::shared_ptr<Recording> recording;
  const cudaError_t code = look_up(event, recording);
  if (code != cudaSuccess) return result(code);
  if (recording != nullptr && !Scheduler::get().done(*recording)) {
    return result(cudaErrorNotReady);
  }
  return result(cudaSuccess);
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t stop) {
  std::shared_ptr<Recording> first, second;
  bool first_timed = false, second_timed = false;
  cudaError_t code = look_up(start, first, &first_timed);
  if (code == cudaSuccess) code = look_up(stop, second, &second_timed);
  if (code != cudaSuccess) return result(code);
  if (milliseconds == nullptr) return result(cudaErrorInvalidValue);
  if (first == nullptr || second == nullptr || !first_timed || !second_timed) {
    return result(cudaErrorInvalidResourceHandle);
  }
  if (!Scheduler::get().done(*first) || !Scheduler::get().done(*second)) {
    return result(cudaErrorNotReady);
  }
  *milliseconds = static_cast<float>(static_cast<double>(second->time_ns - first->time_ns) * 1e-6);
  return result(cudaSuccess);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  std::shared_ptr<Recording> recording;
  const cudaError_t code = look_up(event, recording);
  if (code != cudaSuccess) return result(code);
  Stream* stream = Scheduler::get().find(handle);
  if (stream == nullptr) return result(cudaErrorInvalidResourceHandle);
  if (refused_event_in_capture(stream)) return result(cudaErrorNotSupported);
  if (recording == nullptr || device_error() != cudaSuccess) return result(cudaSuccess);
  auto operation = std::make_shared<Operation>();
  operation->wait = std::move(recording);
  Scheduler::get().submit(stream, std::move(operation));
  return result(cudaSuccess);
}
