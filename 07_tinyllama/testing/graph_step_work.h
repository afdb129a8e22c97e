// A step for tests and the benchmark of graph_step: two launches, after which a sum has grown by 1.
#pragma once

#include <cstddef>
#include <vector>

#include "01_vector_add/vector_add.h"
#include "07_tinyllama/graph_step.h"
#include "common/core/device_buffer.h"
#include "common/core/implementations.h"

namespace wb {

class CountingStep {
 public:
  static constexpr int kKernels = 2;

  // One step runs here already: what a first launch sets up must not be in a capture.
  explicit CountingStep(std::size_t n)
      : n_(n),
        sum_(std::vector<float>(n, 0.0f)),
        next_(n),
        ones_(std::vector<float>(n, 1.0f)),
        zeros_(std::vector<float>(n, 0.0f)) {
    static_cast<void>(enqueue(nullptr));
    sum_.fill_bytes(0);
  }

  cudaError_t enqueue(cudaStream_t stream) {
    add_(sum_.data(), ones_.data(), next_.data(), static_cast<std::int64_t>(n_), stream);
    add_(next_.data(), zeros_.data(), sum_.data(), static_cast<std::int64_t>(n_), stream);
    return cudaSuccess;
  }
  StepEnqueue function() {
    return [this](cudaStream_t stream) { return enqueue(stream); };
  }

  DeviceBuffer<float>& sum() { return sum_; }
  const DeviceBuffer<float>& sum() const { return sum_; }

 private:
  std::size_t n_;
  DeviceBuffer<float> sum_, next_, ones_, zeros_;
  VectorAdd::Function* add_ = find_implementation<VectorAdd>("solution").function;
};

}  // namespace wb
