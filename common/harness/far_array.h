// Flat arrays whose last elements lie past element 2^31, for tests of operations on elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/check.h"
#include "common/harness/far_operand.h"

namespace wb {

/// Zeros, but for the last kSeen elements. The size is odd, so that a kernel for packs of 16 bytes is not
/// chosen: its index is smaller.
class FarArray {
 public:
  static constexpr std::size_t kSeen = 1023;
  static std::int64_t size() { return far_elements() + static_cast<std::int64_t>(kSeen); }

  /// Why this implementation cannot be tested with so many of these arrays here; empty if it can.
  static std::string lacking(std::size_t arrays, std::string_view implementation) {
    return no_far_operands(arrays * static_cast<std::size_t>(size()), implementation);
  }

  FarArray() : memory_(static_cast<std::size_t>(size()), FarFill::kZeros) {}
  explicit FarArray(const std::vector<float>& last) : FarArray() {
    WB_CUDA_CHECK(cudaMemcpy(end(), last.data(), kSeen * sizeof(float), cudaMemcpyHostToDevice));
  }

  float* data() const { return memory_.data(); }
  std::vector<float> last() const {
    std::vector<float> values(kSeen);
    WB_CUDA_CHECK(cudaMemcpy(values.data(), end(), kSeen * sizeof(float), cudaMemcpyDeviceToHost));
    return values;
  }

  /// A line for the message of a failure.
  static std::string explain() {
    return "\n  the last of " + std::to_string(size()) + " elements: too far for a 32-bit index";
  }

 private:
  float* end() const { return data() + far_elements(); }

  FarOperand memory_;
};

}  // namespace wb
