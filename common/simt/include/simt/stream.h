// Host work in stream order: for libraries that replace a GPU library on the CPU device.
#pragma once

#include <functional>

#include "simt/api_types.h"

namespace simt {

/// Runs `work` on a worker once everything before it in `stream` is done; what follows in the stream waits
/// for it. The timeline shows it as `name`. `work` must not call the CUDA runtime API.
void enqueue(cudaStream_t stream, const char* name, std::function<void()> work);

}  // namespace simt
