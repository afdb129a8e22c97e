#include "runtime/failure.h"

#include "cuda_runtime_api.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>

#include "runtime/program_watch.h"
#include "simt/api.h"
#include "simt/failure.h"

namespace simt {
namespace detail {
namespace {

std::atomic<cudaError_t> g_device_error{cudaSuccess};
std::mutex g_mutex;
// Never destroyed: failures may come after main has returned.
std::string& explanation() {
  static std::string& forever = *new std::string;
  return forever;
}
thread_local cudaError_t t_last_error = cudaSuccess;
thread_local bool t_explained = false;  // the latest explanation belongs to the call that is about to return

void print(const std::string& message) {
  std::fprintf(stderr, "simt: %s\n", message.c_str());
}

}  // namespace

void report_failure(cudaError_t code, const std::string& message) {
  const std::lock_guard lock(g_mutex);
  // Keep the first failure: blocks that ran at the same time mostly fail in the same way.
  cudaError_t none = cudaSuccess;
  if (!g_device_error.compare_exchange_strong(none, code)) return;
  explanation() = message;
  print(message);
  if (program_watch != nullptr) program_watch->work_failed(message);
}

void explain(const std::string& message, bool about_call) {
  t_explained = about_call;
  const std::lock_guard lock(g_mutex);
  explanation() = message;
  print(message);
}

cudaError_t device_error() {
  return g_device_error.load();
}

void clear_device_error() {
  g_device_error = cudaSuccess;
  t_last_error = cudaSuccess;
}

cudaError_t result(cudaError_t code) {
  if (device_error() != cudaSuccess) code = device_error();
  if (code == cudaSuccess) return code;
  t_last_error = code;
  // After a kernel's failure, later calls fail for a known reason. "not ready" is not a failure.
  if (program_watch != nullptr && device_error() == cudaSuccess && code != cudaErrorNotReady) {
    program_watch->call_failed(code, t_explained ? last_explanation() : "");
  }
  t_explained = false;
  return code;
}

const char* base_name(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

}  // namespace detail

std::string last_explanation() {
  const std::lock_guard lock(detail::g_mutex);
  return detail::explanation();
}

}  // namespace simt

cudaError_t cudaPeekAtLastError() {
  using namespace simt::detail;
  if (program_watch != nullptr) program_watch->error_asked_for();
  if (device_error() != cudaSuccess) t_last_error = device_error();
  return t_last_error;
}

cudaError_t cudaGetLastError() {
  const cudaError_t code = cudaPeekAtLastError();
  simt::detail::t_last_error = cudaSuccess;
  return code;
}

// Those of stream capture are not in the list, since only cuda_runtime_api.h has them.
static const char* of_capture(cudaError_t error, bool name) {
  switch (static_cast<int>(error)) {
    case cudaErrorStreamCaptureUnsupported:
      return name ? "cudaErrorStreamCaptureUnsupported" : "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return name ? "cudaErrorStreamCaptureInvalidated"
                  : "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureImplicit:
      return name ? "cudaErrorStreamCaptureImplicit"
                  : "operation would make the legacy stream depend on a capturing blocking stream";
    default:
      return "unrecognized error code";
  }
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define X(name, code, text) \
  case name:                \
    return #name;
#include "simt/error_codes.inc"
#undef X
  }
  return of_capture(error, true);
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define X(name, code, text) \
  case name:                \
    return text;
#include "simt/error_codes.inc"
#undef X
  }
  return of_capture(error, false);
}
