// Records what ran and when, while somebody asks for it.
#pragma once

#include <atomic>
#include <cstdint>

#include "simt/timeline.h"

namespace simt::detail {

/// Off, recording costs one load.
extern std::atomic<bool> timeline_on;

/// Keeps the record if the timeline is on and has room.
void record_on_timeline(TimelineRecord record);
/// Notes who submits what is to be recorded, and when; nothing while the timeline is off.
void note_submission(TimelineRecord& record);
void count_launch(cudaStream_t stream);
long long nanoseconds();

}  // namespace simt::detail
