// What the tests of launch ask of the record of a call: sentences about what is wrong, "" where nothing is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/harness/runtime_calls.h"

namespace wb {

inline std::string error_text(cudaError_t code) {
  return cudaGetErrorName(code);
}

/// Memory and streams that were not given back, or were given back twice.
inline std::string about_what_is_kept(const RuntimeCalls& calls) {
  std::string text;
  for (const RuntimeCall& call : calls.kept()) text += "never given back: " + to_text(call) + ". ";
  for (const RuntimeCall& call : calls.freed_in_vain()) {
    text += std::string(call.name) + " of what is not there: never allocated, or freed before. ";
  }
  return text;
}

/// Copies and launches after the call that was made to fail.
inline std::string about_what_went_on(const RuntimeCalls& calls) {
  for (const RuntimeCall& call : calls.all()) {
    if (call.after_failure && (call.kind == CallKind::kCopy || call.kind == CallKind::kLaunch)) {
      return to_text(*calls.failed()) + " returned " + error_text(calls.failed()->returned) +
             ", and still came " + to_text(call) + ": is the error checked?";
    }
  }
  return "";
}

/// Copies that were refused, and those whose direction does not fit their addresses.
inline std::string about_directions(const RuntimeCalls& calls) {
  for (const RuntimeCall& call : calls.of(CallKind::kCopy)) {
    const bool to_device = calls.holder(call.pointer, 1) != nullptr;
    const bool from_device = calls.holder(call.source, 1) != nullptr;
    if ((call.direction == cudaMemcpyHostToDevice && (!to_device || from_device)) ||
        (call.direction == cudaMemcpyDeviceToHost && (to_device || !from_device))) {
      return to_text(call) + ", but it goes from " + (from_device ? "device" : "host") + " to " +
             (to_device ? "device" : "host") + ": wrong direction, or destination and source exchanged";
    }
    if (call.returned != cudaSuccess) return to_text(call) + " returned " + error_text(call.returned);
  }
  return "";
}

/// How many of the bytes from `host` on are copied to the device, or from it.
inline std::size_t bytes_copied(const RuntimeCalls& calls, const void* host, bool to_device) {
  std::vector<std::pair<std::uintptr_t, std::size_t>> parts;
  for (const RuntimeCall& call : calls.of(CallKind::kCopy)) {
    const void* device = to_device ? call.pointer : call.source;
    if (calls.holder(device, call.bytes) == nullptr || call.returned != cudaSuccess) continue;
    parts.emplace_back(reinterpret_cast<std::uintptr_t>(to_device ? call.source : call.pointer), call.bytes);
  }
  std::sort(parts.begin(), parts.end());
  const auto first = reinterpret_cast<std::uintptr_t>(host);
  std::uintptr_t reached = first;
  for (const auto& [start, size] : parts) {
    if (start <= reached && start >= first) reached = std::max(reached, start + size);
  }
  return reached - first;
}

/// An input in host memory that does not reach the device whole.
inline std::string about_input(const RuntimeCalls& calls, const void* host, std::size_t bytes,
                               const char* name) {
  const std::size_t copied = bytes_copied(calls, host, true);
  if (copied >= bytes) return "";
  return std::string(name) + " does not reach the device: " + std::to_string(copied) + " of " +
         std::to_string(bytes) + " bytes are copied there";
}

/// A result that is in host memory without having been copied there.
inline std::string about_output(const RuntimeCalls& calls, const void* host, std::size_t bytes) {
  const std::size_t copied = bytes_copied(calls, host, false);
  if (copied >= bytes) return "";
  return std::to_string(copied) + " of " + std::to_string(bytes) +
         " bytes of `out` are copied from the device. The host must not read device memory itself";
}

/// The streams in which copies or launches are.
inline std::vector<cudaStream_t> streams_used(const RuntimeCalls& calls) {
  std::vector<cudaStream_t> streams;
  for (const RuntimeCall& call : calls.all()) {
    if (call.kind != CallKind::kCopy && call.kind != CallKind::kLaunch) continue;
    if (std::find(streams.begin(), streams.end(), call.stream) == streams.end())
      streams.push_back(call.stream);
  }
  return streams;
}

/// Work in the default stream, and copies that wait.
inline std::string about_default_stream(const RuntimeCalls& calls) {
  for (const RuntimeCall& call : calls.all()) {
    if (call.kind != CallKind::kCopy && call.kind != CallKind::kLaunch) continue;
    if (call.waits) return to_text(call) + " waits until it is done: use cudaMemcpyAsync";
    if (call.stream == nullptr) {
      return to_text(call) + " is in the default stream: nothing in another stream runs beside it";
    }
  }
  return "";
}

/// Waits, and calls that imply one, with a copy or a launch still to come.
inline std::string about_early_waits(const RuntimeCalls& calls) {
  const auto is_work = [](const RuntimeCall& call) {
    return call.kind == CallKind::kCopy || call.kind == CallKind::kLaunch;
  };
  const std::vector<RuntimeCall>& all = calls.all();
  const auto first = std::find_if(all.begin(), all.end(), is_work);
  const auto last = std::find_if(all.rbegin(), all.rend(), is_work).base();
  for (auto call = first; call < last; ++call) {
    const bool frees = call->kind == CallKind::kFree && call->pointer != nullptr;
    if (call->waits || frees || call->kind == CallKind::kAllocate) {
      return to_text(*call) +
             " stands between pieces: the host waits there, and nothing overlaps. Enqueue all "
             "pieces first";
    }
  }
  return "";
}

/// A stream whose last work nobody waited for.
inline std::string about_missing_waits(const RuntimeCalls& calls) {
  std::map<cudaStream_t, std::string> pending;
  for (const RuntimeCall& call : calls.all()) {
    const bool is_work = call.kind == CallKind::kCopy || call.kind == CallKind::kLaunch;
    if (is_work && !call.waits && call.returned == cudaSuccess && !call.after_failure) {
      pending[call.stream] = to_text(call);
    }
    if (call.kind == CallKind::kWait && call.stream == nullptr) pending.clear();  // an event at its word
    if (call.waits) pending.erase(call.stream);
  }
  if (pending.empty()) return "";
  return "nothing waits for " + pending.begin()->second +
         ": it returns before `out` is complete, or frees memory that is in use";
}

/// Each stream must hold pieces as a whole: copies to the device, a launch, a copy back, and again.
inline std::string about_order_in_streams(const RuntimeCalls& calls) {
  for (const cudaStream_t stream : streams_used(calls)) {
    int to_device = 0;
    bool launched = false;
    for (const RuntimeCall& call : calls.all()) {
      if (call.stream != stream || (call.kind != CallKind::kCopy && call.kind != CallKind::kLaunch)) continue;
      if (call.kind == CallKind::kLaunch) {
        if (to_device < 2) {
          return "a kernel is launched in a stream with fewer than two copies to the device before it: "
                 "nothing keeps it from starting before its inputs have arrived";
        }
        launched = true;
      } else if (calls.holder(call.pointer, 1) != nullptr) {
        ++to_device;
      } else {
        if (!launched) {
          return "a copy to the host is in a stream with no kernel before it: nothing keeps it from starting "
                 "before the sum is there";
        }
        to_device = 0;
        launched = false;
      }
    }
    if (launched || to_device != 0) {
      return "a stream ends with a piece that is not copied back in it";
    }
  }
  return "";
}

/// Device memory that copies in two streams touch.
inline std::string about_shared_memory(const RuntimeCalls& calls) {
  std::map<const void*, cudaStream_t> owner;
  for (const RuntimeCall& call : calls.of(CallKind::kCopy)) {
    for (const void* pointer : {call.pointer, call.source}) {
      const RuntimeCall* memory = calls.holder(pointer, 1);
      if (memory == nullptr) continue;
      const auto [known, is_new] = owner.emplace(memory->pointer, call.stream);
      if (is_new || known->second == call.stream) continue;
      return "two streams use the same device memory (" + std::to_string(memory->bytes) +
             " bytes) and nothing orders them: one overwrites what the other still reads. Each stream needs "
             "memory of its own";
    }
  }
  return "";
}

}  // namespace wb
