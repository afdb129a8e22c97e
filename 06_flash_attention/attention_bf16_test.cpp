// Attention with tensors stored in bf16, arithmetic in fp32. The oracle reads the same rounded inputs, so
// what is left is rounding on the way out.
#include <cmath>

#include "06_flash_attention/testing/attention_arithmetic.h"
#include "06_flash_attention/testing/attention_cases.h"
#include "06_flash_attention/testing/attention_refusals.h"
#include "06_flash_attention/testing/attention_rounding.h"
#include "common/core/device_info.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"

namespace wb {
namespace {

// Arithmetic is fp32, but for what an implementation says that it rounds (AttentionArithmeticBf16): its
// tolerances are those of attention_test.cpp, and rounding adds half a unit in the last place of each result.
// Backward takes delta from the rounded out. Where dP is close to delta that rounding is most of their
// difference, but no error of backward's: the oracle reads the same out.
const Tolerance kForwardTolerance = stored_as<bf16>({2e-6, 4e-6});
const Tolerance kBackwardTolerance = stored_as<bf16>({5e-6, 1e-5});
constexpr Tolerance kLseTolerance{2e-6, 4e-6};

AttentionInputs rounded_inputs(const AttentionShape& shape) {
  AttentionInputs in = random_inputs(shape);
  for (auto* values : {&in.q, &in.k, &in.v, &in.dout}) *values = rounded_to_bf16(*values);
  return in;
}

// One tensor of heads in bf16; as floats and token-major on the host.
class Bf16Tensor {
 public:
  static Bf16Tensor input(const std::vector<float>& values, HeadsLayout layout, const AttentionShape& shape,
                          int heads, std::size_t misalign) {
    std::vector<float> stored(values.size());
    for_each_element(layout_view<const float>(layout, nullptr, shape, heads), shape,
                     [&](std::size_t index, std::int64_t offset) { stored[offset] = values[index]; });
    return {GuardedBuffer<bf16>::input(to_bf16(stored), misalign), layout, shape, heads};
  }
  static Bf16Tensor output(HeadsLayout layout, const AttentionShape& shape, int heads, std::size_t misalign) {
    const std::size_t size = static_cast<std::size_t>(shape.b) * shape.t * heads * shape.d;
    return {GuardedBuffer<bf16>::output(size, misalign), layout, shape, heads};
  }

  HeadsView<bf16> view() { return layout_view(layout_, buffer_.data(), shape_, heads_); }
  std::vector<float> values() {
    const std::vector<float> stored = to_float(buffer_.download());
    std::vector<float> values(stored.size());
    for_each_element(view(), shape_,
                     [&](std::size_t index, std::int64_t offset) { values[index] = stored[offset]; });
    return values;
  }
  testing::AssertionResult matches(const std::vector<double>& expected, const Tolerance& tolerance,
                                   std::vector<double> slack = {}) {
    Shape shape{{shape_.b, shape_.t, heads_, shape_.d}};
    shape.slack = std::move(slack);
    return wb::matches(values(), expected, tolerance, shape);
  }
  testing::AssertionResult check(const char* name) const { return buffer_.check(name); }

 private:
  Bf16Tensor(GuardedBuffer<bf16> buffer, HeadsLayout layout, const AttentionShape& shape, int heads)
      : buffer_(std::move(buffer)), layout_(layout), shape_(shape), heads_(heads) {}

  GuardedBuffer<bf16> buffer_;
  HeadsLayout layout_;
  AttentionShape shape_;
  int heads_;
};

// Heads of 8 features and more can be read 16 bytes at a time; the others, and those off a multiple of 16
// bytes, one by one.
template <class Try>
void for_each_case(Try try_case) {
  const HeadsLayout token = HeadsLayout::kTokenMajor;
  for (const bool causal : {true, false}) {
    for (const int t : {1, 33, 100}) try_case(llama_shape(2, t, 4, 2, 32, causal), token, 0);
    for (const int d : {3, 4, 20, 64, 80, 128}) try_case(llama_shape(1, 45, 2, 1, d, causal), token, 0);
    try_case(llama_shape(1, 289, 2, 1, 64, causal), HeadsLayout::kHeadMajor, 0);
    try_case(llama_shape(2, 37, 4, 2, 24, causal), HeadsLayout::kFeatureMajor, 0);
    for (const std::size_t misalign : {1, 4}) {
      try_case(llama_shape(1, 40, 2, 1, 32, causal), HeadsLayout::kHeadMajor, misalign);
    }
  }
}

struct Bf16Problem {
  Bf16Problem(const AttentionShape& shape, HeadsLayout layout, std::size_t misalign,
              const AttentionMemory& memory)
      : in(rounded_inputs(shape)),
        q(Bf16Tensor::input(in.q, HeadsLayout::kTokenMajor, shape, shape.h, misalign)),
        k(Bf16Tensor::input(in.k, layout, shape, shape.kv, misalign)),
        v(Bf16Tensor::input(in.v, layout, shape, shape.kv, misalign)),
        out(Bf16Tensor::output(HeadsLayout::kTokenMajor, shape, shape.h, misalign)),
        saved(GuardedBuffer<float>::output(memory.saved)) {}

  void check_forward() const {
    EXPECT_TRUE(q.check("q"));
    EXPECT_TRUE(k.check("k"));
    EXPECT_TRUE(v.check("v"));
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(saved.check("saved"));
  }

  AttentionInputs in;
  Bf16Tensor q, k, v, out;
  GuardedBuffer<float> saved;
};

class AttentionForwardBf16Test : public ImplementationTest<AttentionForwardBf16> {
 protected:
  void try_case(const AttentionShape& shape, HeadsLayout layout, std::size_t misalign) {
    if (HasFailure()) return;  // one problem explains enough
    SCOPED_TRACE(describe(shape, layout));
    Bf16Problem p(shape, layout, misalign,
                  find_implementation<AttentionMemoryUseBf16>(implementation().name).function(shape));
    run(p.q.view(), p.k.view(), p.v.view(), p.out.view(), p.saved.data(), shape, nullptr);
    const AttentionOracle oracle =
        attention_oracle_forward(to_double(p.in.q), to_double(p.in.k), to_double(p.in.v), shape);
    const int roundings = attention_arithmetic_of(implementation().name).p_roundings;
    std::vector<double> slack;
    if (roundings > 0) {
      slack = attention_forward_slack(oracle, to_double(p.in.v), shape, roundings * kBf16Rounding);
    }
    EXPECT_TRUE(p.out.matches(oracle.out, kForwardTolerance, std::move(slack)));
    EXPECT_TRUE(matches(p.saved.download(), oracle.lse, kLseTolerance, {{shape.b, shape.h, shape.t}}));
    p.check_forward();
  }
};

TEST_P(AttentionForwardBf16Test, MatchesOracleOnRoundedInputs) {
  for_each_case([&](const AttentionShape& shape, HeadsLayout layout, std::size_t misalign) {
    if (!HasFailure()) try_case(shape, layout, misalign);  // one problem explains enough
  });
}

// Many tiles of the largest kind, the last of them with few keys.
TEST_P(AttentionForwardBf16Test, LongSequences) {
  const int t = unless_inspected(device_is_cpu() ? 580 : 1100, 260);
  try_case(llama_shape(1, t, 2, 1, 128, true), HeadsLayout::kTokenMajor, 0);
  try_case(llama_shape(1, t, 2, 2, 64, false), HeadsLayout::kTokenMajor, 0);
  try_case(llama_shape(3, unless_inspected(400, 130), 4, 2, 80, true), HeadsLayout::kHeadMajor, 0);
}

// The largest score need not have the largest weight.
// More tiles of queries than a GPU has multiprocessors, of unequal length: a block may have several.
TEST_P(AttentionForwardBf16Test, ManyTiles) {
  const bool is_cpu = device_is_cpu();
  try_case(llama_shape(is_cpu ? 1 : 8, 300, is_cpu ? 4 : 8, 2, 24, true), HeadsLayout::kTokenMajor, 0);
  for (const bool causal : {true, false}) {
    try_case(llama_shape(is_cpu ? 1 : 8, 270, is_cpu ? 4 : 32, 4, 16, causal), HeadsLayout::kTokenMajor, 0);
  }
}

TEST_P(AttentionForwardBf16Test, AnyScale) {
  for (const float scale : {-0.2f, 0.0f, 0.5f}) {
    AttentionShape shape = llama_shape(1, 70, 2, 1, 64, true);
    shape.scale = scale;
    try_case(shape, HeadsLayout::kTokenMajor, 0);
  }
}

TEST_P(AttentionForwardBf16Test, RefusesBadInput) {
  const auto call = [&](const RefusalArguments& a) {
    const int h = a.shape.h, kv = a.shape.kv;
    run(a.view<bf16>(0, h), a.view<bf16>(1, kv), a.view<bf16>(2, kv), a.view<bf16>(3, h), a.pointer<float>(4),
        a.shape, nullptr);
  };
  expect_attention_refusals(call, {"q.data", "k.data", "v.data", "out.data", "saved"});
}

WB_TEST_IMPLEMENTATIONS(AttentionForwardBf16Test, AttentionForwardBf16);

// The tolerance of kernels that round their weights is as narrow as rounding to bf16 needs: it refuses four
// bits, and one key of 1100 left out. And it is needed: the tolerance of fp32 refuses bf16.
TEST(AttentionForwardSlack, AllowsWeightsInBf16AndNoWorse) {
  const AttentionShape shape = llama_shape(1, 1100, 1, 1, 64, false);
  const AttentionInputs in = rounded_inputs(shape);
  const std::vector<double> v = to_double(in.v);
  const AttentionOracle oracle = attention_oracle_forward(to_double(in.q), to_double(in.k), v, shape);
  Shape with_slack{{shape.b, shape.t, shape.h, shape.d}};
  with_slack.slack = attention_forward_slack(oracle, v, shape, kBf16Rounding);
  const auto exact = [](double w, int) { return w; };
  const auto in_bits = [](int bits) {
    return [bits](double w, int) {
      int exponent;
      const double fraction = std::frexp(w, &exponent);
      return std::ldexp(std::nearbyint(std::ldexp(fraction, bits)), exponent - bits);
    };
  };
  const auto without_key = [](double w, int key) { return key == 500 ? 0.0 : w; };
  const auto is_allowed = [&](auto weight, auto counted, const Shape& allowed) {
    const std::vector<double> out = attention_of_weights(oracle, v, shape, weight, counted);
    const std::vector<float> stored = rounded_to_bf16(std::vector<float>(out.begin(), out.end()));
    return bool(matches(stored, oracle.out, kForwardTolerance, allowed));
  };
  EXPECT_TRUE(is_allowed(exact, exact, with_slack));
  EXPECT_TRUE(is_allowed(in_bits(8), exact, with_slack));
  EXPECT_FALSE(is_allowed(in_bits(8), exact, {with_slack.dims})) << "bf16 within the tolerance of fp32";
  EXPECT_FALSE(is_allowed(in_bits(4), exact, with_slack)) << "four bits";
  EXPECT_FALSE(is_allowed(in_bits(6), exact, with_slack)) << "six bits";
  EXPECT_FALSE(is_allowed(without_key, without_key, with_slack)) << "a key left out";
}

// The forward pass of that name. A rung that climbs backward alone has none: it reads the oracle's.
void forward_for_backward(Bf16Problem& p, const AttentionShape& shape, const std::string& name) {
  for (const auto& entry : implementations<AttentionForwardBf16>()) {
    if (entry.name != name) continue;
    entry.function(p.q.view(), p.k.view(), p.v.view(), p.out.view(), p.saved.data(), shape, nullptr);
    return;
  }
  const AttentionOracle oracle =
      attention_oracle_forward(to_double(p.in.q), to_double(p.in.k), to_double(p.in.v), shape);
  const std::vector<bf16> out = to_bf16(std::vector<float>(oracle.out.begin(), oracle.out.end()));
  const std::vector<float> lse(oracle.lse.begin(), oracle.lse.end());
  WB_CUDA_CHECK(cudaMemcpy(p.out.view().data, out.data(), out.size() * sizeof(bf16), cudaMemcpyHostToDevice));
  WB_CUDA_CHECK(cudaMemcpy(p.saved.data(), lse.data(), lse.size() * sizeof(float), cudaMemcpyHostToDevice));
}

class AttentionBackwardBf16Test : public ImplementationTest<AttentionBackwardBf16> {
 protected:
  void try_case(const AttentionShape& shape, HeadsLayout layout, std::size_t misalign) {
    SCOPED_TRACE(describe(shape, layout));
    const AttentionMemory memory =
        find_implementation<AttentionMemoryUseBf16>(implementation().name).function(shape);
    const HeadsLayout token = HeadsLayout::kTokenMajor;
    Bf16Problem p(shape, layout, misalign, memory);
    auto dout = Bf16Tensor::input(p.in.dout, token, shape, shape.h, misalign);
    auto dq = Bf16Tensor::output(token, shape, shape.h, misalign);
    auto dk = Bf16Tensor::output(layout, shape, shape.kv, misalign);
    auto dv = Bf16Tensor::output(layout, shape, shape.kv, misalign);
    auto scratch = GuardedBuffer<float>::output(memory.scratch);
    forward_for_backward(p, shape, implementation().name);
    run(dout.view(), p.q.view(), p.k.view(), p.v.view(), p.out.view(), p.saved.data(), dq.view(), dk.view(),
        dv.view(), scratch.data(), shape, nullptr);
    const std::vector<double> out = to_double(p.out.values());
    const AttentionOracleGradients oracle = attention_oracle_backward(
        to_double(p.in.dout), to_double(p.in.q), to_double(p.in.k), to_double(p.in.v), shape, &out);
    const AttentionArithmetic arithmetic = attention_arithmetic_of(implementation().name);
    AttentionOracleGradients slack;
    if (arithmetic.p_roundings > 0 || arithmetic.ds_roundings > 0) {
      slack = attention_oracle_slack(to_double(p.in.dout), to_double(p.in.q), to_double(p.in.k),
                                     to_double(p.in.v), shape, &out, arithmetic.p_roundings * kBf16Rounding,
                                     arithmetic.ds_roundings * kBf16Rounding);
    }
    EXPECT_TRUE(dq.matches(oracle.dq, kBackwardTolerance, slack.dq)) << "dq";
    EXPECT_TRUE(dk.matches(oracle.dk, kBackwardTolerance, slack.dk)) << "dk";
    EXPECT_TRUE(dv.matches(oracle.dv, kBackwardTolerance, slack.dv)) << "dv";
    p.check_forward();
    EXPECT_TRUE(dout.check("dout"));
    EXPECT_TRUE(dq.check("dq"));
    EXPECT_TRUE(dk.check("dk"));
    EXPECT_TRUE(dv.check("dv"));
    EXPECT_TRUE(scratch.check("scratch"));
  }
};

TEST_P(AttentionBackwardBf16Test, MatchesOracleOnRoundedInputs) {
  for_each_case([&](const AttentionShape& shape, HeadsLayout layout, std::size_t misalign) {
    if (!HasFailure()) try_case(shape, layout, misalign);  // one problem explains enough
  });
}

// More heads than an implementation is likely to work on at a time, and more tiles than multiprocessors.
TEST_P(AttentionBackwardBf16Test, ManyHeads) {
  const bool is_cpu = device_is_cpu();
  for (const bool causal : {true, false}) {
    try_case(llama_shape(is_cpu ? 1 : 12, 270, 4, is_cpu ? 2 : 4, 16, causal), HeadsLayout::kTokenMajor, 0);
  }
}

TEST_P(AttentionBackwardBf16Test, IsDeterministic) {
  if (attention_arithmetic_of(implementation().name).any_order) {
    GTEST_SKIP() << implementation().name << " says that it adds in any order";
  }
  const AttentionShape shape = llama_shape(2, 300, 4, 1, 64, true);
  const HeadsLayout token = HeadsLayout::kTokenMajor;
  const AttentionMemory memory =
      find_implementation<AttentionMemoryUseBf16>(implementation().name).function(shape);
  Bf16Problem p(shape, token, 0, memory);
  forward_for_backward(p, shape, implementation().name);
  auto dout = Bf16Tensor::input(p.in.dout, token, shape, shape.h, 0);
  std::vector<std::vector<float>> first;
  for (int i = 0; i < unless_inspected(device_is_cpu() ? 5 : 20, 2); ++i) {
    auto dq = Bf16Tensor::output(token, shape, shape.h, 0);
    auto dk = Bf16Tensor::output(token, shape, shape.kv, 0);
    auto dv = Bf16Tensor::output(token, shape, shape.kv, 0);
    auto scratch = GuardedBuffer<float>::output(memory.scratch);
    run(dout.view(), p.q.view(), p.k.view(), p.v.view(), p.out.view(), p.saved.data(), dq.view(), dk.view(),
        dv.view(), scratch.data(), shape, nullptr);
    const std::vector<std::vector<float>> gradients = {dq.values(), dk.values(), dv.values()};
    if (i == 0) first = gradients;
    ASSERT_EQ(gradients, first) << "call " << i;
  }
}

TEST_P(AttentionBackwardBf16Test, RefusesBadInput) {
  const auto call = [&](const RefusalArguments& a) {
    const int h = a.shape.h, kv = a.shape.kv;
    run(a.view<bf16>(0, h), a.view<bf16>(1, h), a.view<bf16>(2, kv), a.view<bf16>(3, kv), a.view<bf16>(4, h),
        a.pointer<float>(5), a.view<bf16>(6, h), a.view<bf16>(7, kv), a.view<bf16>(8, kv),
        a.pointer<float>(9), a.shape, nullptr);
  };
  expect_attention_refusals(call, {"dout.data", "q.data", "k.data", "v.data", "out.data", "saved", "dq.data",
                                   "dk.data", "dv.data", "scratch"});
}

WB_TEST_IMPLEMENTATIONS(AttentionBackwardBf16Test, AttentionBackwardBf16);

}  // namespace
}  // namespace wb
