// Operands of the gradient of an operation on rows, the last of which begins past element 2^31. A block of
// such a kernel often takes many rows, so on the CPU device only the first and the last block of each grid
// run.
#pragma once

#include <algorithm>
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

/// dy is 0 outside of two rows: the last one, and the one that a 32-bit index takes for it on the CPU device.
/// rstd of the latter is 0. Whichever rows the blocks that run take, the gradient of a factor is therefore
/// that of the last row alone.
class FarGradientRows {
 public:
  static constexpr int kC = 1 << 17;
  static constexpr int kSeen = 32;  // last columns, which the last block of any grid holds

  /// Why there are none for this implementation here; empty where there are.
  static std::string lacking(std::string_view implementation, std::size_t scratch_floats) {
    return no_far_operands(3 * floats() + scratch_floats, implementation);
  }

  explicit FarGradientRows(std::size_t scratch_floats)
      : dy_(floats(), FarFill::kOwnZeros),
        x_(floats()),
        dx_(floats(), FarFill::kZeros),
        scratch_(scratch_floats, FarFill::kOwnZeros),
        rstd_(random_uniform(static_cast<std::size_t>(n()), 7, 0.5f, 2.0f)) {
    store(x_.data() + last(), x_row);
    store(dy_.data() + last(), dy_row);
    if (last() >= kTwoToThe32) {
      store(dy_.data() + last() - kTwoToThe32, other_dy_row);
      rstd_[static_cast<std::size_t>(last() - kTwoToThe32) / kC] = 0.0f;
    }
  }

  /// A multiple of the usual numbers of blocks that share the rows: the last row is then one of the last
  /// block's.
  static int n() { return static_cast<int>(far_elements() / kC / 2 * 3); }
  const float* dy() const { return dy_.data(); }            // (n, kC)
  const float* x() const { return x_.data(); }              // (n, kC)
  float* dx() const { return dx_.data(); }                  // (n, kC)
  float* scratch() const { return scratch_.data(); }        // (scratch_floats)
  const std::vector<float>& rstd() const { return rstd_; }  // (n)

  template <class Launch>
  void run(Launch launch) const {
    const ManyMultiprocessors many;
    run_far(last(), launch, 1);
  }

  /// The last kSeen columns of a row, of a gradient, or of the last row of dx.
  template <class T>
  static std::vector<T> seen(const std::vector<T>& row) {
    return {row.end() - kSeen, row.end()};
  }
  std::vector<float> seen_of_dx() const {
    std::vector<float> end(kSeen);
    WB_CUDA_CHECK(cudaMemcpy(end.data(), dx_.data() + last() + kC - kSeen, kSeen * sizeof(float),
                             cudaMemcpyDeviceToHost));
    return end;
  }

  /// Whether no block that ran took the last row: then dx is not written, and no parameter has a gradient.
  bool last_row_left_out(bool parameters_changed) const { return untouched() && !parameters_changed; }
  static constexpr const char* kLeftOut =
      "the first and the last block of this grid do not take the last row";

  /// For a failure.
  std::string explain() const {
    if (untouched() && last() >= kTwoToThe32) return explain_wrapped(last());
    return "\n  the last row starts at element " + std::to_string(last()) + ": too far for a 32-bit index";
  }

  const std::vector<float> x_row = random_normal(kC, 1), dy_row = random_normal(kC, 2);  // the last
  const std::vector<float> other_dy_row = random_normal(kC, 8);

 private:
  static constexpr std::int64_t kTwoToThe32 = std::int64_t{1} << 32;
  static std::int64_t last() { return std::int64_t{n() - 1} * kC; }
  static std::size_t floats() { return static_cast<std::size_t>(n()) * kC; }
  static void store(float* to, const std::vector<float>& row) {
    WB_CUDA_CHECK(cudaMemcpy(to, row.data(), row.size() * sizeof(float), cudaMemcpyHostToDevice));
  }
  bool untouched() const {
    const std::vector<float> end = seen_of_dx();
    return std::all_of(end.begin(), end.end(), [&](float value) { return value == 0.0f; });
  }

  FarOperand dy_, x_, dx_, scratch_;
  std::vector<float> rstd_;
};

}  // namespace wb
