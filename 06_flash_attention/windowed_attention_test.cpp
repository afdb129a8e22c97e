// Tests of windowed attention and its gradient, in the order of the lesson's steps: the untouched starter
// fails at the first of each suite.
#include "06_flash_attention/windowed_attention.h"

#include <cmath>
#include <string>

#include "06_flash_attention/testing/windowed_attention_cases.h"
#include "06_flash_attention/testing/windowed_attention_diagnosis.h"
#include "06_flash_attention/testing/windowed_attention_oracle.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

constexpr Tolerance kForwardTolerance{3e-6, 4e-6};
constexpr Tolerance kBackwardTolerance{6e-6, 1e-5};

// Several tiles in either direction, and pairs on both sides of the windows below.
int several_tiles() {
  return unless_inspected(70, 45);
}

class WindowedAttentionForwardTest : public ImplementationTest<WindowedAttentionForward> {
 protected:
  struct Outputs {
    std::vector<float> out, lse;
  };

  Outputs attend(const WindowedAttentionCase& c, const WindowedInputs& in, std::size_t misalign = 0) {
    RopeOnDevice rope(c, misalign);
    auto q = GuardedBuffer<float>::input(in.q, misalign), k = GuardedBuffer<float>::input(in.k, misalign),
         v = GuardedBuffer<float>::input(in.v, misalign);
    auto out = GuardedBuffer<float>::output(in.q.size(), misalign);
    auto lse = GuardedBuffer<float>::output(in.q.size() / static_cast<std::size_t>(c.shape.d), misalign);
    run(q.data(), k.data(), v.data(), rope.rope, out.data(), lse.data(), c.shape, nullptr);
    EXPECT_TRUE(q.check("q"));
    EXPECT_TRUE(k.check("k"));
    EXPECT_TRUE(v.check("v"));
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(lse.check("lse"));
    rope.check();
    return {out.download(), lse.download()};
  }

  static Shape out_dims(const WindowedAttentionShape& s) { return {{s.b, s.t, s.h, s.d}}; }

  void expect_oracle(const WindowedAttentionCase& c, std::size_t misalign = 0) {
    SCOPED_TRACE(describe(c));
    const WindowedInputs in = random_windowed_inputs(c.shape);
    const auto q = to_double(in.q), k = to_double(in.k), v = to_double(in.v);
    const Outputs got = attend(c, in, misalign);
    const WindowedAttentionResult expected = windowed_attention_oracle(q, k, v, c);
    EXPECT_TRUE(matches(got.out, expected.out, kForwardTolerance, out_dims(c.shape)))
        << explain_windowed_attention(got.out, q, k, v, c);
    EXPECT_TRUE(matches(got.lse, expected.lse, kForwardTolerance, {{c.shape.b, c.shape.h, c.shape.t}}))
        << "the log-sum-exp";
  }
};

TEST_P(WindowedAttentionForwardTest, UsesTheNearEncodingInsideTheWindow) {
  const WindowedAttentionCase c = make_case({1, 48, 1, 1, 16}, true, 48, 0);
  expect_oracle(c);
  const WindowedInputs in = random_windowed_inputs(c.shape);
  EXPECT_TRUE(
      matches(attend(c, in).out, rotate_then_attend(c, c.near, in), kForwardTolerance, out_dims(c.shape)))
      << "is not rope with the near table, then attention";
}

// On the diagonal an encoding makes no difference: window 0 and band 0 is the far encoding everywhere.
TEST_P(WindowedAttentionForwardTest, UsesTheFarEncodingOutsideTheWindow) {
  const WindowedAttentionCase c = make_case({1, 48, 1, 1, 16}, true, 0, 0);
  expect_oracle(c);
  const WindowedInputs in = random_windowed_inputs(c.shape);
  EXPECT_TRUE(
      matches(attend(c, in).out, rotate_then_attend(c, c.far, in), kForwardTolerance, out_dims(c.shape)))
      << "is not rope with the far table, then attention";
}

TEST_P(WindowedAttentionForwardTest, SwitchesWhereTheWindowEnds) {
  for (const int window : {1, 15, 16, 31, 32, 33})
    expect_oracle(make_case({1, several_tiles(), 1, 1, 16}, true, window, 0));
}

TEST_P(WindowedAttentionForwardTest, BlendsAlongTheBand) {
  for (const int band : {1, 2, 10, 31, 64, 200})
    expect_oracle(make_case({1, several_tiles(), 1, 1, 16}, true, 8, band));
}

TEST_P(WindowedAttentionForwardTest, CountsDistanceInBothDirections) {
  for (const int window : {0, 20, 40})
    expect_oracle(make_case({1, unless_inspected(90, 60), 1, 1, 16}, false, window, 12));
}

// A kernel that multiplies with the far table and then by a weight of 0 leaves NaN here, and pays for two
// products where one counts.
TEST_P(WindowedAttentionForwardTest, LeavesTheFarEncodingAloneWhereNothingIsFar) {
  for (const bool causal : {true, false}) {
    WindowedAttentionCase c = make_case({1, 50, 2, 1, 16}, causal, 49, 5);
    for (auto* table : {&c.far.cosine, &c.far.sine}) table->assign(table->size(), NAN);
    expect_oracle(c);
  }
}

TEST_P(WindowedAttentionForwardTest, SharesKeysAmongTheHeadsOfAGroup) {
  const int b = unless_inspected(2, 1), t = unless_inspected(40, 20);
  for (const int kv : {1, 2, 3, 6}) expect_oracle(make_case({b, t, 6, kv, 16}, true, 6, 6));
}

TEST_P(WindowedAttentionForwardTest, MatchesOracle) {
  for_each_case([&](const WindowedAttentionCase& c) {
    if (unless_inspected(!HasFailure(), true)) expect_oracle(c);  // one problem explains enough
  });
}

// Addresses that are no multiple of 16 bytes: a vector load would fault, or read askew.
TEST_P(WindowedAttentionForwardTest, ReadsUnalignedTensors) {
  expect_oracle(make_case({1, 40, 2, 1, 32}, true, 8, 8), 1);
}

// Consumer cards give a block 99 KiB of shared memory, Turing 64: not enough for what an H200 likes best.
TEST_P(WindowedAttentionForwardTest, FitsSmallerGpusOrSaysWhatTheyLack) {
  for_each_smaller_gpu(implementation().name, [&](const WindowedAttentionCase& c) { expect_oracle(c); });
}

// Scores in the hundreds overflow exp without their maximum subtracted.
TEST_P(WindowedAttentionForwardTest, LargeScoresDoNotOverflow) {
  WindowedAttentionCase c = make_case({1, several_tiles(), 1, 1, 16}, true, 10, 20);
  c.shape.scale = 40.0f;
  WindowedInputs in = random_windowed_inputs(c.shape);
  const Outputs got = attend(c, in);
  const auto expected = windowed_attention_oracle(to_double(in.q), to_double(in.k), to_double(in.v), c);
  // A score of 400 is known to 3e-5, and so is a probability.
  EXPECT_TRUE(matches(got.out, expected.out, {1e-3, 1e-4}, out_dims(c.shape)));
  EXPECT_TRUE(matches(got.lse, expected.lse, {1e-4, 1e-5})) << "the log-sum-exp";

  // A token alone gets its own value, though its score, about -160000, is below what may pass for -infinity.
  WindowedAttentionCase alone = make_case({1, 1, 1, 1, 16}, true, 10, 20);
  alone.shape.scale = -10000.0f;
  WindowedInputs one = random_windowed_inputs(alone.shape);
  one.k = one.q;
  EXPECT_TRUE(matches(attend(alone, one).out, to_double(one.v), {1e-6, 1e-6}, out_dims(alone.shape)))
      << "one token: is a masked score -infinity?";
}

TEST_P(WindowedAttentionForwardTest, RefusesBadInput) {
  const auto call = [&](float* data, const WindowedAttentionShape& shape, const BlendedRope& rope, int null,
                        int odd) {
    const auto p = [&](int i) { return pointer_for(data, i, null, odd); };
    run(p(0), p(1), p(2), rope, p(3), p(4), shape, nullptr);
  };
  expect_refusals(call, {"q", "k", "v", "out", "lse"});
}

WB_TEST_IMPLEMENTATIONS(WindowedAttentionForwardTest, WindowedAttentionForward);

class WindowedAttentionBackwardTest : public ImplementationTest<WindowedAttentionBackward> {
 protected:
  struct Outputs {
    std::vector<float> dq, dk, dv;
  };
  enum { kDq = 1, kDk = 2, kDv = 4, kAll = 7 };

  // out and lse come from the oracle: backward is judged alone.
  Outputs differentiate(const WindowedAttentionCase& c, const WindowedInputs& in, std::size_t misalign = 0) {
    const auto forward = windowed_attention_oracle(to_double(in.q), to_double(in.k), to_double(in.v), c);
    RopeOnDevice rope(c, misalign);
    const auto input = [&](const auto& values) {
      return GuardedBuffer<float>::input(std::vector<float>(values.begin(), values.end()), misalign);
    };
    auto dout = input(in.dout), q = input(in.q), k = input(in.k), v = input(in.v), out = input(forward.out),
         lse = input(forward.lse);
    auto dq = GuardedBuffer<float>::output(in.q.size(), misalign),
         dk = GuardedBuffer<float>::output(in.k.size(), misalign),
         dv = GuardedBuffer<float>::output(in.v.size(), misalign),
         delta = GuardedBuffer<float>::output(forward.lse.size(), misalign);
    run(dout.data(), q.data(), k.data(), v.data(), rope.rope, out.data(), lse.data(), dq.data(), dk.data(),
        dv.data(), delta.data(), c.shape, nullptr);
    for (const auto& [buffer, name] : {std::pair{&dout, "dout"},
                                       {&q, "q"},
                                       {&k, "k"},
                                       {&v, "v"},
                                       {&out, "out"},
                                       {&lse, "lse"},
                                       {&dq, "dq"},
                                       {&dk, "dk"},
                                       {&dv, "dv"},
                                       {&delta, "delta"}}) {
      EXPECT_TRUE(buffer->check(name));
    }
    rope.check();
    return {dq.download(), dk.download(), dv.download()};
  }

  void expect_oracle(const WindowedAttentionCase& c, int which = kAll, std::size_t misalign = 0) {
    SCOPED_TRACE(describe(c));
    const WindowedInputs in = random_windowed_inputs(c.shape);
    const auto dout = to_double(in.dout), q = to_double(in.q), k = to_double(in.k), v = to_double(in.v);
    const Outputs got = differentiate(c, in, misalign);
    const auto expected = windowed_attention_backward_oracle(dout, q, k, v, c);
    const auto compare = [&](const std::vector<float>& gradient, const std::vector<double>& reference,
                             int heads, const char* name) {
      const Shape dims = {{c.shape.b, c.shape.t, heads, c.shape.d}};
      const auto matched = matches(gradient, reference, kBackwardTolerance, dims);
      EXPECT_TRUE(matched) << name << "\n"
                           << explain_windowed_gradient(gradient, reference, dout, q, k, v, c, heads);
    };
    if (which & kDv) compare(got.dv, expected.dv, c.shape.kv, "dv");
    if (which & kDq) compare(got.dq, expected.dq, c.shape.h, "dq");
    if (which & kDk) compare(got.dk, expected.dk, c.shape.kv, "dk");
  }
};

TEST_P(WindowedAttentionBackwardTest, DifferentiatesByTheQueries) {
  expect_oracle(make_case({1, 48, 1, 1, 16}, true, 48, 0), kDq);
}

TEST_P(WindowedAttentionBackwardTest, SplitsTheGradientByTheWeights) {
  for (const int band : {100, 10, 1})
    expect_oracle(make_case({1, several_tiles(), 1, 1, 16}, true, 8, band), kDq);
  expect_oracle(make_case({1, 48, 1, 1, 16}, true, 0, 0), kDq);
  expect_oracle(make_case({1, several_tiles(), 1, 1, 16}, false, 8, 30), kDq);
}

TEST_P(WindowedAttentionBackwardTest, DifferentiatesByTheValues) {
  expect_oracle(make_case({1, several_tiles(), 1, 1, 16}, true, 8, 10), kDv);
  expect_oracle(make_case({1, several_tiles(), 1, 1, 16}, false, 8, 30), kDv);
}

TEST_P(WindowedAttentionBackwardTest, DifferentiatesByTheKeys) {
  expect_oracle(make_case({1, several_tiles(), 1, 1, 16}, true, 8, 10), kDk);
  expect_oracle(make_case({1, several_tiles(), 1, 1, 16}, false, 8, 30), kDk);
}

TEST_P(WindowedAttentionBackwardTest, SumsOverTheHeadsOfAGroup) {
  const int b = unless_inspected(2, 1), t = unless_inspected(40, 20);
  for (const int kv : {1, 2, 3, 6}) expect_oracle(make_case({b, t, 6, kv, 16}, true, 6, 6));
}

TEST_P(WindowedAttentionBackwardTest, LeavesTheFarEncodingAloneWhereNothingIsFar) {
  for (const bool causal : {true, false}) {
    WindowedAttentionCase c = make_case({1, 50, 2, 1, 16}, causal, 49, 5);
    for (auto* table : {&c.far.cosine, &c.far.sine}) table->assign(table->size(), NAN);
    expect_oracle(c);
  }
}

TEST_P(WindowedAttentionBackwardTest, MatchesOracle) {
  for_each_case([&](const WindowedAttentionCase& c) {
    if (unless_inspected(!HasFailure(), true)) expect_oracle(c);  // one problem explains enough
  });
}

TEST_P(WindowedAttentionBackwardTest, ReadsUnalignedTensors) {
  expect_oracle(make_case({1, 40, 2, 1, 32}, true, 8, 8), kAll, 1);
}

TEST_P(WindowedAttentionBackwardTest, FitsSmallerGpusOrSaysWhatTheyLack) {
  for_each_smaller_gpu(implementation().name, [&](const WindowedAttentionCase& c) { expect_oracle(c); });
}

TEST_P(WindowedAttentionBackwardTest, IsDeterministic) {
  const WindowedAttentionCase c = make_case(
      {unless_inspected(2, 1), several_tiles(), unless_inspected(4, 2), 1, unless_inspected(32, 16)}, true,
      10, 20);
  const WindowedInputs in = random_windowed_inputs(c.shape);
  const Outputs first = differentiate(c, in), second = differentiate(c, in);
  EXPECT_EQ(first.dq, second.dq);
  EXPECT_EQ(first.dk, second.dk);
  EXPECT_EQ(first.dv, second.dv);
}

TEST_P(WindowedAttentionBackwardTest, RefusesBadInput) {
  const auto call = [&](float* data, const WindowedAttentionShape& shape, const BlendedRope& rope, int null,
                        int odd) {
    const auto p = [&](int i) { return pointer_for(data, i, null, odd); };
    run(p(0), p(1), p(2), p(3), rope, p(4), p(5), p(6), p(7), p(8), p(9), shape, nullptr);
  };
  expect_refusals(call, {"dout", "q", "k", "v", "out", "lse", "dq", "dk", "dv", "delta"});
}

WB_TEST_IMPLEMENTATIONS(WindowedAttentionBackwardTest, WindowedAttentionBackward);

TEST(WindowedAttentionOracle, IsPlainAttentionWithOneEncodingAtEitherEnd) {
  for (const bool causal : {true, false}) {
    for (const int window : {0, kWide}) {
      const WindowedAttentionCase c = make_case({2, 13, 4, 2, 6}, causal, window, 0);
      const WindowedInputs in = random_windowed_inputs(c.shape);
      const auto out = windowed_attention_oracle(to_double(in.q), to_double(in.k), to_double(in.v), c).out;
      const auto plain = rotate_then_attend(c, window == 0 ? c.far : c.near, in);
      for (std::size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], plain[i], 1e-6) << describe(c);
    }
  }
}

TEST(WindowedAttentionOracle, WeightsAreClampedAndLinear) {
  const FarWeight weight = far_weight_of(10, 4);
  EXPECT_EQ(weight(20, 20), 0.0);
  EXPECT_EQ(weight(20, 10), 0.0);
  EXPECT_EQ(weight(20, 9), 0.25);
  EXPECT_EQ(weight(9, 20), 0.25);
  EXPECT_EQ(weight(20, 7), 0.75);
  EXPECT_EQ(weight(20, 6), 1.0);
  EXPECT_EQ(weight(90, 0), 1.0);
  for (const int band : {0, 1}) {
    EXPECT_EQ(far_weight_of(10, band)(20, 10), 0.0);
    EXPECT_EQ(far_weight_of(10, band)(20, 9), 1.0);
  }
}

TEST(WindowedAttentionOracle, BackwardMatchesCentralDifferences) {
  for (const bool causal : {true, false}) {
    const WindowedAttentionCase c = make_case({2, 7, 4, 2, 4}, causal, 1, 3);
    const WindowedInputs in = random_windowed_inputs(c.shape);
    const auto q = to_double(in.q), k = to_double(in.k), v = to_double(in.v), dout = to_double(in.dout);
    const auto loss = [&](std::span<const double> x) {
      const auto at = [&](std::size_t i) { return x.begin() + static_cast<std::ptrdiff_t>(i); };
      const std::vector<double> xq(at(0), at(q.size())), xk(at(q.size()), at(q.size() + k.size())),
          xv(at(q.size() + k.size()), x.end());
      const auto out = windowed_attention_oracle(xq, xk, xv, c).out;
      return detail::product(out.data(), dout.data(), static_cast<int>(out.size()));
    };
    const auto gradients = windowed_attention_backward_oracle(dout, q, k, v, c);
    std::vector<double> x = q, analytic = gradients.dq;
    for (const auto* part : {&k, &v}) x.insert(x.end(), part->begin(), part->end());
    for (const auto* part : {&gradients.dk, &gradients.dv})
      analytic.insert(analytic.end(), part->begin(), part->end());
    EXPECT_TRUE(gradient_matches(loss, x, analytic, {1e-8, 1e-6}, 1e-5, x.size())) << describe(c);
  }
}

}  // namespace
}  // namespace wb
