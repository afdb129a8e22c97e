// Copies and fills that a call puts into another stream than the one that was passed to it. For launches see
// watched_call.h.
#pragma once

#include <cuda_runtime.h>

namespace wb::detail {

/// The first fill, or copy for which the host need not wait, in another stream since expect_stream(). A
/// synchronous copy between host and device does not count: the host waits for it.
struct TransferElsewhere {
  const char* call = nullptr;  // "cudaMemsetAsync"; null if there was none
  cudaStream_t stream = nullptr;
};
TransferElsewhere transferred_elsewhere();

/// With CUDA, called by the wrapped functions.
void note_transfer(const char* call, cudaStream_t stream);

}  // namespace wb::detail
