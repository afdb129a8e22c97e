// Kernels launched, streams used and memory held, on the CPU device: the runtime counts them.
#include "common/harness/streams_used.h"
#include "common/harness/watched_call.h"
#include "simt/memory_use.h"
#include "simt/timeline.h"

namespace wb::detail {

std::optional<std::uint64_t> kernels_launched() {
  return simt::kernels_launched();
}

void expect_stream(cudaStream_t stream) {
  simt::expect_stream(stream);
}

std::uint64_t launched_elsewhere() {
  return simt::launched_elsewhere();
}

TransferElsewhere transferred_elsewhere() {
  const simt::TransferElsewhere found = simt::transferred_elsewhere();
  return {found.call, found.stream};
}

// The runtime notes them itself.
void note_transfer(const char*, cudaStream_t) {}

std::optional<std::size_t> device_bytes_in_use() {
  return simt::device_bytes_in_use();
}

}  // namespace wb::detail
