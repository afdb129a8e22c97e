// Records what ran and when, while the timeline is on.
#pragma once

#include <atomic>
#include <cstdint>

#include "simt/timeline.h"

namespace simt::detail {

/// If it is false, a call that would record costs one load.
extern std::atomic<bool> timeline_on;

/// Keeps the record if the timeline is on and has room.
void record_on_timeline(TimelineRecord record);
/// Stores in the record which host thread submits the operation, and when. Does nothing while the timeline is
/// off.
void note_submission(TimelineRecord& record);
void count_launch(cudaStream_t stream);
/// Of a fill or a copy for which the host need not wait. `call` is a literal.
void note_transfer(const char* call, cudaStream_t stream);
long long nanoseconds();

}  // namespace simt::detail
