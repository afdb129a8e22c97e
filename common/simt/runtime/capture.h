// Stream capture: what is submitted to a stream is recorded, not run. cuda_runtime_api.h has the calls.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "simt/api_types.h"

namespace simt::detail {

struct Operation;
struct Stream;

struct Capture {
  std::vector<std::shared_ptr<Operation>> nodes;
  std::thread::id thread;       // that began it
  bool of_all_threads = false;  // whose calls are refused: of every thread, or of that one
  bool is_relaxed = false;      // no calls are refused
  std::atomic<bool> invalid = false;
};

/// Whether a stream is captured, so that this thread may not make calls that wait or allocate. Such a call
/// invalidates the capture, and returns the error that is returned here; cudaSuccess if it may be made.
cudaError_t refused_by_capture(const char* call);
/// The same for a wait for this stream alone, in every mode.
cudaError_t refused_by_capture_of(Stream* stream, const char* call);
/// The null stream orders itself with blocking streams, which it cannot while one of them is captured.
cudaError_t not_ordered_by_capture(Stream* stream);

/// Whether this stream is captured: an event would make another stream a part of the capture. Invalidates it.
bool refused_event_in_capture(Stream* stream);

/// Ends the capture of a stream that is destroyed; what was recorded is lost.
void drop_capture(Stream* stream);

/// The number of a kernel launch, among all of this process.
std::uint32_t next_launch();

}  // namespace simt::detail
