// A record of the calls of the CUDA runtime that host code under test makes, on both devices. It can also
// make a call fail.
//
//   wb::RuntimeCalls calls;                       // recording begins
//   const cudaError_t code = function(...);
//   calls.stop();
//   EXPECT_EQ(calls.count(wb::CallKind::kLaunch), 1u);
//
// The linker sends every call of this program's object files through here (--wrap, CMakeLists.txt). Link
// wb_runtime_calls. Only calls of the thread that records are recorded.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace wb {

enum class CallKind {
  kAllocate,        // device memory
  kAllocatePinned,  // host memory
  kFree,
  kCopy,
  kFill,
  kLaunch,
  kWait,  // for a stream, an event or the device
  kCreate,
  kDestroy,   // a stream, an event or a graph
  kEvent,     // recorded in a stream, or a stream waits for it
  kCapture,   // of a stream begins
  kCaptured,  // it ends, with a graph
  kGraphLaunch,
  kAskError,
};

struct RuntimeCall {
  CallKind kind;
  const char* name;               // "cudaMemcpy"
  cudaStream_t stream = nullptr;  // that it names or creates
  const void* pointer = nullptr;  // allocated, freed, or written to
  const void* source = nullptr;   // of a copy
  std::size_t bytes = 0;          // of a launch: the dynamic shared memory of a block
  cudaMemcpyKind direction = cudaMemcpyDefault;
  bool waits = false;  // whether it returns only when all is done that it stands for
  dim3 grid = {}, block = {};
  cudaError_t returned = cudaSuccess;
  bool after_failure = false;  // a call before it was made to fail: this one did nothing, unless it frees
};

/// "cudaMemcpy (host to device, 4000 bytes)": for messages.
std::string to_text(const RuntimeCall& call);
/// Whether the call may be made to fail: it allocates, copies, fills, waits, creates, concerns an event,
/// begins a capture or launches a graph.
bool can_fail(const RuntimeCall& call);

/// Records from its construction to stop(). Only one may exist at a time. Device memory that is allocated
/// meanwhile contains NaNs (every byte 0xff), so that a missing copy is visible.
class RuntimeCalls {
 public:
  /// With `failing`, the call of that number, among those that can fail, does nothing and returns an error.
  explicit RuntimeCalls(std::optional<std::size_t> failing = {});
  ~RuntimeCalls();
  RuntimeCalls(const RuntimeCalls&) = delete;
  RuntimeCalls& operator=(const RuntimeCalls&) = delete;

  /// Ends the record. Waits for the device, and then frees and destroys what the code under test did not.
  void stop();

  const std::vector<RuntimeCall>& all() const { return calls_; }
  std::vector<RuntimeCall> of(CallKind kind) const;
  std::size_t count(CallKind kind) const { return of(kind).size(); }

  /// The call that was made to fail, or null.
  const RuntimeCall* failed() const;
  /// What was allocated or created and neither freed nor destroyed.
  std::vector<RuntimeCall> kept() const;
  /// What was freed or destroyed but did not exist: never allocated, or freed before.
  std::vector<RuntimeCall> freed_in_vain() const;
  /// The allocation of device memory that holds these bytes whole, or null.
  const RuntimeCall* holder(const void* pointer, std::size_t bytes) const;

  /// Called by the wrapped functions: false means that the call is not made.
  bool begin(RuntimeCall& call);
  void end(const RuntimeCall& call);
  /// The result of a query for the last error: that of the call which was made to fail, or none.
  std::optional<cudaError_t> pending_error(bool forget);

  /// The record of the calling thread, or null; null within a call that is recorded.
  static RuntimeCalls* active();

 private:
  std::optional<std::size_t> failing_;
  std::size_t fallible_ = 0;
  std::optional<std::size_t> failed_;
  cudaError_t pending_ = cudaSuccess;
  bool recording_ = true;
  std::vector<RuntimeCall> calls_;
};

namespace detail {
/// Records a launch. Returns whether it is to be made.
bool note_launch(dim3 grid, dim3 block, std::size_t shared, cudaStream_t stream);
}  // namespace detail

}  // namespace wb
