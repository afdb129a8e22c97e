// Operands of the gradient of an operation on rows. The last row begins past element 2^31. A block of such a
// kernel often takes many rows, so on the CPU device only the last blocks of each grid run.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/error.h"
#include "common/core/rng.h"
#include "common/harness/far_operand.h"
#include "common/harness/matcher.h"

namespace wb {

/// dy is 0 outside of the last row. Therefore the gradient of a parameter is that of the last row alone, for
/// any assignment of rows to blocks.
class FarGradientRows {
 public:
  static constexpr int kC = 1 << 17;
  /// A multiple of the usual numbers of blocks that share the rows, so that the last row belongs to the last
  /// block. Not much larger than 2^31 elements need, because a block's share of the rows takes time.
  static constexpr int kN = 5 << 12;
  static constexpr int kSeen = 32;  // last columns, which the last block of any grid holds

  /// The reason why this implementation cannot have such operands here; empty if it can.
  static std::string lacking(std::string_view implementation, std::size_t scratch_floats) {
    return no_far_operands(3 * kFloats + scratch_floats, implementation);
  }

  explicit FarGradientRows(std::size_t scratch_floats)
      : dy_(kFloats, FarFill::kZeros),
        x_(kFloats),
        dx_(kFloats, FarFill::kZeros),
        scratch_(scratch_floats, FarFill::kOwnZeros) {
    store(x_.data() + kLast, x_row);
    store(dy_.data() + kLast, dy_row);
  }

  const float* dy() const { return dy_.data(); }      // (kN, kC)
  const float* x() const { return x_.data(); }        // (kN, kC)
  float* dx() const { return dx_.data(); }            // (kN, kC)
  float* scratch() const { return scratch_.data(); }  // (scratch_floats)

  /// Calls `launch`, of which the CPU device runs the last blocks: as many as the first number says, and
  /// again with the next number until `taken()` says that one of them had the last row. (The grid may end in
  /// blocks that have no rows.)
  template <class Launch, class Taken>
  void run_until(std::initializer_list<unsigned> numbers, Launch launch, Taken taken) const {
    const ManyMultiprocessors many;
    for (const unsigned blocks : numbers) {
      run_far(kLast, launch, {0, blocks});
      if (taken()) return;
    }
  }

  /// The last kSeen columns of a row, of a gradient, or of the last row of dx.
  template <class T>
  static std::vector<T> seen(const std::vector<T>& row) {
    return {row.end() - kSeen, row.end()};
  }
  std::vector<float> seen_of_dx() const {
    std::vector<float> end(kSeen);
    WB_CUDA_CHECK(
        cudaMemcpy(end.data(), dx_.data() + kFloats - kSeen, kSeen * sizeof(float), cudaMemcpyDeviceToHost));
    return end;
  }

  /// Whether the last blocks did not take the last row. Then dx is not written, and no parameter has a
  /// gradient. On a GPU all blocks run, so the answer is false.
  bool last_row_left_out(bool parameters_changed) const {
    if (!device_is_cpu()) return false;
    const std::vector<float> end = seen_of_dx();
    return !parameters_changed &&
           std::all_of(end.begin(), end.end(), [](float value) { return value == 0.0f; });
  }
  static constexpr const char* kLeftOut = "none of the last blocks of this grid takes the last row";

  /// Whether a parameter's gradient is right; `before` holds its contents before the call. On the CPU device
  /// a gradient that did not change belongs to blocks that did not run: those of another strip of columns, or
  /// the block that happens to end last.
  static testing::AssertionResult gradient_matches(const std::vector<float>& got,
                                                   const std::vector<float>& before,
                                                   std::vector<double> gradient, Tolerance tolerance) {
    if (device_is_cpu() && seen(got) == seen(before)) return testing::AssertionSuccess();
    for (std::size_t i = 0; i < before.size(); ++i) gradient[i] += before[i];
    return matches(seen(got), seen(gradient), tolerance, {{kSeen}, 0, seen(before)});
  }

  /// A line for the message of a failure.
  static std::string explain() {
    return "\n  the last row starts at element " + std::to_string(kLast) + ": too far for a 32-bit index";
  }

  const std::vector<float> x_row = random_normal(kC, 1), dy_row = random_normal(kC, 2);  // the last

 private:
  static constexpr std::size_t kFloats = std::size_t{kN} * kC;
  static constexpr std::int64_t kLast = std::int64_t{kN - 1} * kC;
  static void store(float* to, const std::vector<float>& row) {
    WB_CUDA_CHECK(cudaMemcpy(to, row.data(), row.size() * sizeof(float), cudaMemcpyHostToDevice));
  }

  FarOperand dy_, x_, dx_, scratch_;
};

}  // namespace wb
