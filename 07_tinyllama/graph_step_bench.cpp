// Benchmark of graph_step: many steps of tiny kernels, where launches are the limit, and a few steps of large
// ones, where they are not.
#include "07_tinyllama/graph_step.h"

#include <memory>
#include <string>
#include <vector>

#include "07_tinyllama/testing/graph_step_work.h"
#include "common/core/check.h"
#include "common/core/device_info.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"

namespace {

// The default stream cannot be captured. This one orders itself with it, so its events measure both.
cudaStream_t stream_of_steps() {
  static const cudaStream_t forever = [] {
    cudaStream_t stream = nullptr;
    WB_CUDA_CHECK(cudaStreamCreate(&stream));
    return stream;
  }();
  return forever;
}

class GraphStepProblem {
 public:
  using Contract = wb::GraphStep;
  static constexpr bool kAccumulates = true;  // each step adds 1

  struct Buffers {
    std::unique_ptr<wb::CountingStep> step;
  };

  GraphStepProblem(std::size_t n, int steps) : n_(n), steps_(steps) {}

  std::string name() const { return "n=" + std::to_string(n_) + " steps=" + std::to_string(steps_); }

  // Two vector additions per step.
  wb::Work work() const {
    const double elements = 2.0 * static_cast<double>(n_) * steps_;
    return {12.0 * elements, elements};
  }
  std::size_t buffer_bytes() const { return 4 * n_ * sizeof(float); }

  Buffers allocate(std::uint64_t) const { return {std::make_unique<wb::CountingStep>(n_)}; }

  void clear(Buffers& b) const { b.step->sum().fill_bytes(0); }

  void call(Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    WB_CUDA_CHECK(function(b.step->function(), steps_, stream == nullptr ? stream_of_steps() : stream));
  }

  testing::AssertionResult check(const Buffers& b) const {
    return wb::matches(b.step->sum().download(), std::vector<double>(n_, steps_), {0.0, 0.0});
  }

 private:
  std::size_t n_;
  int steps_;
};

const bool kAdded = wb::add_benchmark<GraphStepProblem>([] {
  if (wb::device_is_cpu()) return std::vector<GraphStepProblem>{{256, 64}, {1 << 18, 4}};
  return std::vector<GraphStepProblem>{{1024, 64}, {1024, 1024}, {1 << 24, 4}};
});

}  // namespace
