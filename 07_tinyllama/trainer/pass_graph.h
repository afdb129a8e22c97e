// A recorded sequence of launches: hundreds of small kernels become one call of the host.
//
//   PassGraph forward;
//   forward.run(stream, [&](cudaStream_t to) { model.forward(tokens, targets, loss, to); });
//
// The launches are recorded with their arguments: every run must be of the same pointers and numbers. Used on
// a GPU alone: the CPU device would save nothing.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <memory>

namespace wb {

class PassGraph {
 public:
  using Enqueue = std::function<void(cudaStream_t stream)>;

  /// Whether this device has graphs.
  static bool supported();
  /// Throws wb::Error where graphs are not supported; names the device.
  static void require_supported();

  PassGraph();
  PassGraph(PassGraph&&) noexcept;
  PassGraph& operator=(PassGraph&&) noexcept;
  ~PassGraph();

  /// The first call runs `enqueue` as it is, so that libraries allocate what they keep; the second records
  /// it; this and every later one is a single launch of what was recorded. In stream order, never waits. What
  /// `enqueue` launches must go to the stream that it is given. Errors: an `enqueue` that allocates or waits
  /// throws wb::Error when it is recorded.
  void run(cudaStream_t stream, const Enqueue& enqueue);

  /// Kernels, copies and fills of the recorded graph; 0 before it is recorded.
  std::size_t nodes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wb
