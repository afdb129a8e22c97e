#include "common/harness/runtime_calls.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "common/core/check.h"
#include "common/core/error.h"
#include "common/harness/watched_call.h"

namespace wb {
namespace {

thread_local RuntimeCalls* t_active = nullptr;

bool gives(const RuntimeCall& call) {
  return call.returned == cudaSuccess && !call.after_failure && call.pointer != nullptr &&
         (call.kind == CallKind::kAllocate || call.kind == CallKind::kAllocatePinned ||
          call.kind == CallKind::kCreate || call.kind == CallKind::kCaptured);
}

bool takes_back(const RuntimeCall& call) {
  return (call.kind == CallKind::kFree || call.kind == CallKind::kDestroy) && call.pointer != nullptr;
}

void give_back(const RuntimeCall& call) {
  auto* pointer = const_cast<void*>(call.pointer);
  if (call.kind == CallKind::kAllocate) {
    WB_CUDA_CHECK(cudaFree(pointer));
  } else if (call.kind == CallKind::kAllocatePinned) {
    WB_CUDA_CHECK(cudaFreeHost(pointer));
  } else if (call.stream != nullptr) {
    WB_CUDA_CHECK(cudaStreamDestroy(call.stream));
  } else if (call.kind == CallKind::kCaptured) {
    WB_CUDA_CHECK(cudaGraphDestroy(static_cast<cudaGraph_t>(pointer)));
  } else if (call.name == std::string("cudaGraphInstantiate")) {
    WB_CUDA_CHECK(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(pointer)));
  } else {
    WB_CUDA_CHECK(cudaEventDestroy(static_cast<cudaEvent_t>(pointer)));
  }
}

// The code that CUDA itself would return.
cudaError_t likely_error(CallKind kind) {
  if (kind == CallKind::kAllocate || kind == CallKind::kAllocatePinned) return cudaErrorMemoryAllocation;
  if (kind == CallKind::kWait) return cudaErrorIllegalAddress;
  return kind == CallKind::kCreate ? cudaErrorMemoryAllocation : cudaErrorInvalidValue;
}

}  // namespace

bool can_fail(const RuntimeCall& call) {
  switch (call.kind) {
    case CallKind::kFree:
    case CallKind::kDestroy:
    case CallKind::kLaunch:
    case CallKind::kAskError:
    case CallKind::kCaptured:  // a capture has to end
      return false;
    default:
      return true;
  }
}

std::string to_text(const RuntimeCall& call) {
  const char* directions[] = {"host to host", "host to device", "device to host", "device to device",
                              "direction by the addresses"};
  switch (call.kind) {
    case CallKind::kAllocate:
    case CallKind::kAllocatePinned:
    case CallKind::kFill:
      return fmt::format("{} ({} bytes)", call.name, call.bytes);
    case CallKind::kCopy:
      return fmt::format("{} ({}, {} bytes)", call.name,
                         call.direction <= cudaMemcpyDefault ? directions[call.direction] : "no direction",
                         call.bytes);
    case CallKind::kLaunch:
      return fmt::format("a kernel launch (grid {}, block {})", call.grid.x, call.block.x);
    default:
      return call.name;
  }
}

RuntimeCalls* RuntimeCalls::active() {
  return t_active;
}

RuntimeCalls::RuntimeCalls(std::optional<std::size_t> failing) : failing_(failing) {
  if (t_active != nullptr) throw Error("calls are recorded already");
  static_cast<void>(cudaGetLastError());
  detail::set_launch_filter(&detail::note_launch);
  t_active = this;
}

RuntimeCalls::~RuntimeCalls() {
  try {
    stop();
  } catch (const std::exception&) {
    // The test has failed already, or the device is lost: the next call says so.
  }
}

void RuntimeCalls::stop() {
  if (!recording_) return;
  recording_ = false;
  t_active = nullptr;
  detail::set_launch_filter(nullptr);
  static_cast<void>(cudaGetLastError());
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  for (const RuntimeCall& call : kept()) give_back(call);
}

std::vector<RuntimeCall> RuntimeCalls::of(CallKind kind) const {
  std::vector<RuntimeCall> found;
  std::copy_if(calls_.begin(), calls_.end(), std::back_inserter(found),
               [kind](const RuntimeCall& call) { return call.kind == kind; });
  return found;
}

const RuntimeCall* RuntimeCalls::failed() const {
  return failed_ ? &calls_[*failed_] : nullptr;
}

std::vector<RuntimeCall> RuntimeCalls::kept() const {
  std::vector<RuntimeCall> held;
  for (const RuntimeCall& call : calls_) {
    if (gives(call)) held.push_back(call);
    if (!takes_back(call)) continue;
    std::erase_if(held, [&](const RuntimeCall& one) { return one.pointer == call.pointer; });
  }
  return held;
}

std::vector<RuntimeCall> RuntimeCalls::freed_in_vain() const {
  std::vector<const void*> held;
  std::vector<RuntimeCall> found;
  for (const RuntimeCall& call : calls_) {
    if (gives(call)) held.push_back(call.pointer);
    if (takes_back(call) && std::erase(held, call.pointer) == 0) found.push_back(call);
  }
  return found;
}

const RuntimeCall* RuntimeCalls::holder(const void* pointer, std::size_t bytes) const {
  const auto first = reinterpret_cast<std::uintptr_t>(pointer);
  for (const RuntimeCall& call : calls_) {
    if (call.kind != CallKind::kAllocate || !gives(call)) continue;
    const auto start = reinterpret_cast<std::uintptr_t>(call.pointer);
    if (start <= first && first + bytes <= start + call.bytes) return &call;
  }
  return nullptr;
}

bool RuntimeCalls::begin(RuntimeCall& call) {
  t_active = nullptr;  // what the runtime and this record do themselves is not the caller's
  call.after_failure = failed_.has_value();
  if (takes_back(call)) {
    const std::vector<RuntimeCall> held = kept();
    return std::any_of(held.begin(), held.end(),
                       [&](const RuntimeCall& one) { return one.pointer == call.pointer; });
  }
  if (call.after_failure) return call.kind == CallKind::kAskError;
  if (!can_fail(call)) return true;
  if (failing_ != fallible_++) return true;
  failed_ = calls_.size();
  pending_ = call.returned = likely_error(call.kind);
  return false;
}

void RuntimeCalls::end(const RuntimeCall& call) {
  calls_.push_back(call);
  if (recording_) t_active = this;
}

std::optional<cudaError_t> RuntimeCalls::pending_error(bool forget) {
  if (pending_ == cudaSuccess) return {};
  const cudaError_t code = pending_;
  if (forget) pending_ = cudaSuccess;
  return code;
}

}  // namespace wb
