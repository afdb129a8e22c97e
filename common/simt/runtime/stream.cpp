// The stream part of the runtime API, and host work in stream order.
#include "simt/stream.h"

#include <fmt/format.h>

#include "runtime/capture.h"
#include "runtime/failure.h"
#include "runtime/scheduler.h"
#include "simt/api.h"

namespace simt {
namespace detail {
namespace {

// The stream of a handle, or the error that CUDA returns for the handle.
cudaError_t look_up(cudaStream_t handle, Stream*& stream) {
  if (on_worker()) return cudaErrorNotPermitted;
  stream = Scheduler::get().find(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  return Scheduler::get().accepts_work() ? cudaSuccess : cudaErrorCudartUnloading;
}

// `of_program`: a function of the program, which may tell its other threads how far the stream is.
cudaError_t submit_work(cudaStream_t handle, const char* name, bool of_program, std::function<void()> work) {
  Stream* stream = nullptr;
  const cudaError_t code = look_up(handle, stream);
  if (code != cudaSuccess || device_error() != cudaSuccess) return code;
  auto operation = std::make_shared<Operation>();
  operation->name = name;
  operation->on_timeline = !of_program;
  operation->tells_host = of_program;
  operation->shown.kind = RecordKind::kHostWork;
  operation->work = [work = std::move(work)](std::uint64_t) { work(); };
  Scheduler::get().submit(stream, std::move(operation));
  return cudaSuccess;
}

}  // namespace
}  // namespace detail

void enqueue(cudaStream_t stream, const char* name, std::function<void()> work) {
  detail::result(detail::submit_work(stream, name, false, std::move(work)));
}

}  // namespace simt

using namespace simt::detail;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (stream == nullptr || flags > cudaStreamNonBlocking) return result(cudaErrorInvalidValue);
  *stream = reinterpret_cast<cudaStream_t>(Scheduler::get().create_stream(flags != cudaStreamNonBlocking));
  return result(cudaSuccess);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  Stream* stream = nullptr;
  const cudaError_t code = look_up(handle, stream);
  if (code != cudaSuccess) return result(code);
  if (stream == Scheduler::get().null_stream()) return result(cudaErrorInvalidResourceHandle);
  drop_capture(stream);
  Scheduler::get().destroy_stream(stream);
  return result(cudaSuccess);
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  Stream* stream = nullptr;
  cudaError_t code = look_up(handle, stream);
  if (code == cudaSuccess) code = refused_by_capture_of(stream, "cudaStreamSynchronize");
  if (code != cudaSuccess) return result(code);
  Scheduler::get().wait_stream(stream);
  return result(cudaSuccess);
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  Stream* stream = nullptr;
  cudaError_t code = look_up(handle, stream);
  if (code == cudaSuccess) code = refused_by_capture_of(stream, "cudaStreamQuery");
  if (code != cudaSuccess) return result(code);
  return result(Scheduler::get().idle(stream) ? cudaSuccess : cudaErrorNotReady);
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
  Stream* stream = nullptr;
  const cudaError_t code = look_up(handle, stream);
  if (code != cudaSuccess) return result(code);
  *flags = stream->blocking ? cudaStreamDefault : cudaStreamNonBlocking;
  return result(cudaSuccess);
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
  if (function == nullptr) return result(cudaErrorInvalidValue);
  return result(submit_work(stream, "cudaLaunchHostFunc", true, [=] { function(argument); }));
}

cudaError_t cudaStreamAddCallback(cudaStream_t stream, cudaStreamCallback_t callback, void* argument,
                                  unsigned) {
  if (callback == nullptr) return result(cudaErrorInvalidValue);
  return result(submit_work(stream, "cudaStreamAddCallback", true,
                            [=] { callback(stream, device_error(), argument); }));
}

cudaError_t cudaDeviceSynchronize() {
  if (on_worker()) return cudaErrorNotPermitted;
  const cudaError_t code = refused_by_capture("cudaDeviceSynchronize");
  if (code != cudaSuccess) return result(code);
  Scheduler::get().wait_all();
  return result(cudaSuccess);
}
