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
  const int n = FarGradientRows::n();
  const std::size_t scratch = layernorm_backward_scratch(n, kC);
  if (const std::string why = FarGradientRows::lacking(implementation, scratch); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const FarGradientRows far(scratch);
  const std::vector<float> gamma = random_normal(kC, 3, 1.0f, 0.5f);
  const std::vector<float> mean = random_normal(static_cast<std::size_t>(n), 4, 0.0f, 0.1f);
  const std::vector<float> before = random_normal(kC, 5);
  DeviceBuffer<float> device_gamma(gamma), device_mean(mean), device_rstd(far.rstd());
  DeviceBuffer<float> dgamma(before), dbeta(before);
  far.run([&] {
    run(far.dy(), far.x(), device_gamma.data(), device_mean.data(), device_rstd.data(), far.dx(),
        dgamma.data(), dbeta.data(), far.scratch(), n, kC, nullptr);
  });

  const auto expected = layernorm_backward_oracle(to_double(far.dy_row), to_double(far.x_row),
                                                  to_double(gamma), std::vector<double>{mean.back()},
                                                  std::vector<double>{far.rstd().back()}, 1, kC);
  const std::vector<float> old = far.seen(before);
  const std::vector<float> of_gamma = far.seen(dgamma.download()), of_beta = far.seen(dbeta.download());
  if (far.last_row_left_out(of_gamma != old || of_beta != old)) GTEST_SKIP() << far.kLeftOut;
  EXPECT_TRUE(matches(far.seen_of_dx(), far.seen(expected.dx), dx_tolerance)) << "dx" << far.explain();

  // A second launch may add partial sums: its last block may hold columns of only one of the two parameters.
  // Whether dbeta also counts the other row depends on which rows the blocks take that ran.
  const auto expect_sum = [&](const char* name, const std::vector<float>& got, std::vector<double> gradient) {
    if (got == old) return;
    for (std::size_t i = 0; i < before.size(); ++i) gradient[i] += before[i];
    const auto result = matches(got, far.seen(gradient), sum_tolerance, {{far.kSeen}, 0, old});
    for (std::size_t i = 0; i < before.size(); ++i) gradient[i] += far.other_dy_row[i];
    if (name == std::string("dbeta") && matches(got, far.seen(gradient), sum_tolerance)) return;
    EXPECT_TRUE(result) << name << far.explain();
  };
  expect_sum("dgamma", of_gamma, expected.dgamma);
  expect_sum("dbeta", of_beta, expected.dbeta);
}

}  // namespace wb
