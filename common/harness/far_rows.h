// A matrix whose last row begins past element 2^31, and another for the result: for tests of operations on
// rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/error.h"
#include "common/core/rng.h"
#include "common/harness/far_operand.h"

namespace wb {

class FarRows {
 public:
  static constexpr int kC = 1 << 14;

  /// Why this implementation cannot be tested with them here; empty if it can.
  static std::string lacking(std::string_view implementation) {
    return no_far_operands(2 * (static_cast<std::size_t>(first_of_last()) + kC), implementation);
  }

  FarRows()
      : x_(static_cast<std::size_t>(first_of_last()) + kC),
        y_(static_cast<std::size_t>(first_of_last()) + kC) {
    WB_CUDA_CHECK(cudaMemcpy(x_.data() + first_of_last(), last_row.data(), kBytes, cudaMemcpyHostToDevice));
    WB_CUDA_CHECK(cudaMemcpy(x_.data() + 4 * kC, other_row.data(), kBytes, cudaMemcpyHostToDevice));
  }

  int n() const { return static_cast<int>(far_elements() / kC) + 5; }
  const float* x() const { return x_.data(); }  // (n, kC)
  float* y() const { return y_.data(); }        // (n, kC)

  /// Calls `launch`; on the CPU device, only the ends of a grid run.
  template <class Launch>
  void run(Launch launch, EndBlocks blocks = {}) const {
    run_far(first_of_last(), launch, blocks);
  }
  /// So many that those at the end hold the last row, in a kernel of a thread per element too.
  static constexpr EndBlocks kWholeRow = {kC / 128, kC / 128};

  std::vector<float> last_of_y() const {
    std::vector<float> row(kC);
    WB_CUDA_CHECK(cudaMemcpy(row.data(), y_.data() + first_of_last(), kBytes, cudaMemcpyDeviceToHost));
    return row;
  }
  /// A line for the message of a failure. `as_if_wrapped`: the statistics of the last row are those of
  /// `other_row`.
  static std::string explain(bool as_if_wrapped) {
    if (as_if_wrapped) return explain_wrapped(first_of_last());
    return "\n  the last row starts at element " + std::to_string(first_of_last()) +
           ": too far for a 32-bit index";
  }

  const std::vector<float> last_row = random_normal(kC, 1);
  /// Row 4, which a 32-bit index takes for the last on the CPU device.
  const std::vector<float> other_row = random_normal(kC, 4, 3.0f, 2.0f);

 private:
  static constexpr std::size_t kBytes = kC * sizeof(float);
  static std::int64_t first_of_last() { return far_elements() + 4 * std::int64_t{kC}; }

  FarOperand x_, y_;
};

}  // namespace wb
