// The test of layernorm's gradient past element 2^31.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/testing/layernorm_oracle.h"
#include "common/core/rng.h"
#include "common/harness/far_gradient_rows.h"
#include "common/harness/matcher.h"

namespace wb {

/// `run` is an implementation of LayernormBackward.
template <class Run>
void expect_far_layernorm_gradient(Run run, std::string_view implementation, Tolerance dx_tolerance) {
  constexpr int kC = FarGradientRows::kC;
  constexpr Tolerance sum_tolerance{2e-6, 1e-5};
  const std::size_t scratch = layernorm_backward_scratch(FarGradientRows::kN, kC);
  if (const std::string why = FarGradientRows::lacking(implementation, scratch); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const FarGradientRows far(scratch);
  const std::vector<float> gamma = random_normal(kC, 3, 1.0f, 0.5f), before = random_normal(kC, 5);
  const std::vector<float> mean = random_normal(FarGradientRows::kN, 4, 0.0f, 0.1f);
  const std::vector<float> rstd = random_uniform(FarGradientRows::kN, 6, 0.5f, 2.0f);
  DeviceBuffer<float> device_gamma(gamma), device_mean(mean), device_rstd(rstd);
  DeviceBuffer<float> dgamma(before), dbeta(before);
  std::vector<float> of_gamma, of_beta;
  const auto left_out = [&] { return far.last_row_left_out(of_gamma != before || of_beta != before); };
  far.run_until(
      {1, 2, 3},
      [&] {
        run(far.dy(), far.x(), device_gamma.data(), device_mean.data(), device_rstd.data(), far.dx(),
            dgamma.data(), dbeta.data(), far.scratch(), FarGradientRows::kN, kC, nullptr);
      },
      [&] {
        of_gamma = dgamma.download(), of_beta = dbeta.download();
        return !left_out();
      });

  const auto expected =
      layernorm_backward_oracle(to_double(far.dy_row), to_double(far.x_row), to_double(gamma),
                                std::vector<double>{mean.back()}, std::vector<double>{rstd.back()}, 1, kC);
  if (left_out()) GTEST_SKIP() << far.kLeftOut;
  EXPECT_TRUE(matches(far.seen_of_dx(), far.seen(expected.dx), dx_tolerance)) << "dx" << far.explain();
  EXPECT_TRUE(far.gradient_matches(of_gamma, before, expected.dgamma, sum_tolerance))
      << "dgamma" << far.explain();
  EXPECT_TRUE(far.gradient_matches(of_beta, before, expected.dbeta, sum_tolerance))
      << "dbeta" << far.explain();
}

}  // namespace wb
