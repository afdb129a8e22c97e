#include "06_flash_attention/attention.h"

#include "06_flash_attention/attention_cases.h"
#include "06_flash_attention/attention_oracle.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

constexpr Tolerance kForwardTolerance{2e-6, 4e-6};
constexpr Tolerance kBackwardTolerance{5e-6, 1e-5};
constexpr HeadsLayout kLayouts[] = {HeadsLayout::kTokenMajor, HeadsLayout::kHeadMajor,
                                    HeadsLayout::kFeatureMajor};

AttentionMemory memory_of(const std::string& name, const AttentionShape& shape) {
  return find_implementation<AttentionMemoryUse>(name).function(shape);
}

// Every problem that forward and backward are tried on: each varies one thing and keeps the rest small.
template <class Try>
void for_each_case(Try try_case) {
  const HeadsLayout token = HeadsLayout::kTokenMajor;
  for (const bool causal : {true, false}) {
    for (const int t : {1, 2, 31, 32, 33, 64, 65, 100, 127, 130}) {
      try_case(llama_shape(2, t, 2, 1, 16, causal), token);
    }
    for (const int d : {1, 3, 4, 15, 16, 17, 32, 33, 64, 80, 81, 96, 100, 128}) {
      try_case(llama_shape(1, 45, 2, 1, d, causal), token);
    }
    for (const int kv : {1, 2, 4}) {
      for (const HeadsLayout layout : kLayouts) try_case(llama_shape(2, 37, 4, kv, 20, causal), layout);
    }
    // Rows are 16-byte aligned, heads of 6 are not made of float4.
    try_case(llama_shape(1, 40, 2, 2, 6, causal), token);
    // Beyond 256 tokens a tile may be larger.
    for (const int d : {16, 64, 80}) try_case(llama_shape(1, 289, 2, 1, d, causal), HeadsLayout::kHeadMajor);
  }
  try_case(llama_shape(1, 257, 1, 1, 32, true), HeadsLayout::kFeatureMajor);
  try_case(llama_shape(1, 320, 1, 1, 96, true), token);
  try_case(llama_shape(1, 300, 1, 1, 128, true), token);
}

class AttentionForwardTest : public ImplementationTest<AttentionForward> {
 protected:
  AttentionMemory memory(const AttentionShape& shape) { return memory_of(implementation().name, shape); }

  // Compares one problem, with k and v stored in `layout`, with the oracle.
  void try_case(const AttentionShape& shape, HeadsLayout layout, const AttentionInputs& in,
                Tolerance tolerance = kForwardTolerance, std::size_t misalign = 0) {
    SCOPED_TRACE(describe(shape, layout));
    const AttentionOracle oracle =
        attention_oracle_forward(to_double(in.q), to_double(in.k), to_double(in.v), shape);
    auto q = HeadsTensor::input(in.q, HeadsLayout::kTokenMajor, shape, shape.h, misalign);
    auto k = HeadsTensor::input(in.k, layout, shape, shape.kv, misalign);
    auto v = HeadsTensor::input(in.v, layout, shape, shape.kv, misalign);
    auto out = HeadsTensor::output(HeadsLayout::kTokenMajor, shape, shape.h, misalign);
    auto saved = GuardedBuffer<float>::output(memory(shape).saved);

    run(q.view(), k.view(), v.view(), out.view(), saved.data(), shape, nullptr);

    EXPECT_TRUE(out.matches(oracle.out, tolerance));
    const bool flash = memory(shape).saved == oracle.lse.size() && shape.t > 1;
    const bool materialised = memory(shape).saved == oracle.probabilities.size() && shape.t > 1;
    if (flash) {
      EXPECT_TRUE(matches(saved.download(), oracle.lse, tolerance, {{shape.b, shape.h, shape.t}}));
    }
    if (materialised) {
      EXPECT_TRUE(
          matches(saved.download(), oracle.probabilities, tolerance, {{shape.b, shape.h, shape.t, shape.t}}));
    }
    EXPECT_TRUE(q.check("q"));
    EXPECT_TRUE(k.check("k"));
    EXPECT_TRUE(v.check("v"));
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(saved.check("saved"));
  }
};

TEST_P(AttentionForwardTest, MatchesOracle) {
  for_each_case([&](const AttentionShape& shape, HeadsLayout layout) {
    try_case(shape, layout, random_inputs(shape));
  });
}

// Contiguous heads whose address is no multiple of 16 bytes: a vector load would fault, or read askew.
TEST_P(AttentionForwardTest, ReadsUnalignedHeads) {
  const AttentionShape shape = llama_shape(1, 40, 2, 1, 32, true);
  try_case(shape, HeadsLayout::kHeadMajor, random_inputs(shape), kForwardTolerance, 1);
}

// Small integers make the scores exact: hundreds, whose exponentials overflow without subtracting the
// maximum.
TEST_P(AttentionForwardTest, LargeScoresDoNotOverflow) {
  AttentionShape shape{1, 70, 2, 2, 16, true, 1.0f};
  AttentionInputs in = random_inputs(shape);
  for (auto* values : {&in.q, &in.k}) {
    for (float& value : *values) value = std::round(4.0f * value);
  }
  try_case(shape, HeadsLayout::kTokenMajor, in);
}

// All scores far below zero: without the maximum every exponential is 0, and so is their sum.
TEST_P(AttentionForwardTest, LowScoresDoNotUnderflow) {
  AttentionShape shape{1, 70, 2, 2, 16, false, 1.0f};
  AttentionInputs in = random_inputs(shape);
  for (float& value : in.q) value = 8.0f;
  for (float& value : in.k) value = -8.0f + std::round(value) / 16.0f;
  try_case(shape, HeadsLayout::kTokenMajor, in);
}

// The maximum grows with every tile, so that each one rescales what was summed before.
TEST_P(AttentionForwardTest, RescalesWhenTheMaximumGrows) {
  AttentionShape shape{1, 130, 1, 1, 4, false, 1.0f};
  AttentionInputs in = random_inputs(shape);
  for (float& value : in.q) value = 1.0f;
  for (int t = 0; t < shape.t; ++t) {
    for (int d = 0; d < shape.d; ++d) in.k[t * shape.d + d] = static_cast<float>(t) / 32.0f;
  }
  try_case(shape, HeadsLayout::kTokenMajor, in);
}

// q, k and v as one projection leaves them, side by side in each token's row.
TEST_P(AttentionForwardTest, ReadsFusedProjection) {
  const AttentionShape shape = llama_shape(2, 50, 4, 2, 12, true);
  const AttentionInputs in = random_inputs(shape);
  const std::int64_t row = (shape.h + 2 * shape.kv) * shape.d;
  std::vector<float> host(shape.b * shape.t * row);
  const auto view = [&](float* data, int heads, std::int64_t first) {
    return HeadsView<float>{data + first, heads, shape.t * row, row, shape.d, 1};
  };
  const std::int64_t first_k = shape.h * shape.d;
  const std::int64_t first_v = first_k + shape.kv * shape.d;
  const auto fill = [&](const HeadsView<float>& target, const std::vector<float>& values) {
    for_each_element(target, shape,
                     [&](std::size_t index, std::int64_t offset) { target.data[offset] = values[index]; });
  };
  fill(view(host.data(), shape.h, 0), in.q);
  fill(view(host.data(), shape.kv, first_k), in.k);
  fill(view(host.data(), shape.kv, first_v), in.v);
  auto qkv = GuardedBuffer<float>::input(host);
  auto out = HeadsTensor::output(HeadsLayout::kTokenMajor, shape, shape.h);
  auto saved = GuardedBuffer<float>::output(memory(shape).saved);

  run(view(qkv.data(), shape.h, 0), view(qkv.data(), shape.kv, first_k), view(qkv.data(), shape.kv, first_v),
      out.view(), saved.data(), shape, nullptr);

  const AttentionOracle oracle =
      attention_oracle_forward(to_double(in.q), to_double(in.k), to_double(in.v), shape);
  EXPECT_TRUE(out.matches(oracle.out, kForwardTolerance));
  EXPECT_TRUE(qkv.check("qkv"));
}

TEST_P(AttentionForwardTest, RefusesBadInput) {
  const AttentionShape good = llama_shape(1, 8, 4, 2, 16, true);
  DeviceBuffer<float> memory(4096);
  const auto refuses = [&](AttentionShape shape, const char* message, int null_argument = -1) {
    const auto view = [&](int argument, int heads) {
      return token_major_view(argument == null_argument ? nullptr : memory.data(), good.t, heads, good.d);
    };
    float* saved = null_argument == 4 ? nullptr : memory.data();
    EXPECT_THROW_MESSAGE(
        run(view(0, shape.h), view(1, shape.kv), view(2, shape.kv), view(3, shape.h), saved, shape, nullptr),
        Error, message);
  };
  const auto with = [&](auto change) {
    AttentionShape shape = good;
    change(shape);
    return shape;
  };
  refuses(with([](AttentionShape& s) { s.b = 0; }), "shape.b = 0");
  refuses(with([](AttentionShape& s) { s.t = -1; }), "shape.t = -1");
  refuses(with([](AttentionShape& s) { s.h = 0; }), "shape.h = 0");
  refuses(with([](AttentionShape& s) { s.kv = 0; }), "shape.kv = 0");
  refuses(with([](AttentionShape& s) { s.kv = 3; }), "shape.h = 4");
  refuses(with([](AttentionShape& s) { s.d = 0; }), "shape.d = 0");
  refuses(with([](AttentionShape& s) { s.d = 129; }), "shape.d = 129");
  const char* pointers[] = {"q.data", "k.data", "v.data", "out.data", "saved"};
  for (int argument = 0; argument < 5; ++argument) refuses(good, pointers[argument], argument);

  // A view of other heads than the shape says.
  const HeadsView<float> q = token_major_view(memory.data(), good.t, good.h, good.d);
  EXPECT_THROW_MESSAGE(run(q, q, q, q, memory.data(), good, nullptr), Error, "k.heads = 4");
}

WB_TEST_IMPLEMENTATIONS(AttentionForwardTest, AttentionForward);

class AttentionBackwardTest : public ImplementationTest<AttentionBackward> {
 protected:
  // Runs forward, then backward, with k and v and their gradients stored in `layout`.
  AttentionOracleGradients run_case(const AttentionShape& shape, HeadsLayout layout,
                                    const AttentionInputs& in, Tolerance tolerance = kBackwardTolerance) {
    SCOPED_TRACE(describe(shape, layout));
    const HeadsLayout token = HeadsLayout::kTokenMajor;
    const AttentionMemory memory = memory_of(implementation().name, shape);
    auto dout = HeadsTensor::input(in.dout, token, shape, shape.h);
    auto q = HeadsTensor::input(in.q, token, shape, shape.h);
    auto k = HeadsTensor::input(in.k, layout, shape, shape.kv);
    auto v = HeadsTensor::input(in.v, layout, shape, shape.kv);
    auto out = HeadsTensor::output(token, shape, shape.h);
    auto dq = HeadsTensor::output(token, shape, shape.h);
    auto dk = HeadsTensor::output(layout, shape, shape.kv);
    auto dv = HeadsTensor::output(layout, shape, shape.kv);
    auto saved = GuardedBuffer<float>::output(memory.saved);
    auto scratch = GuardedBuffer<float>::output(memory.scratch);

    const auto forward = find_implementation<AttentionForward>(implementation().name).function;
    forward(q.view(), k.view(), v.view(), out.view(), saved.data(), shape, nullptr);
    const std::vector<float> saved_before = saved.download();
    const std::vector<float> out_before = out.values();
    run(dout.view(), q.view(), k.view(), v.view(), out.view(), saved.data(), dq.view(), dk.view(), dv.view(),
        scratch.data(), shape, nullptr);

    const AttentionOracleGradients oracle = attention_oracle_backward(
        to_double(in.dout), to_double(in.q), to_double(in.k), to_double(in.v), shape);
    EXPECT_TRUE(dq.matches(oracle.dq, tolerance)) << "dq";
    EXPECT_TRUE(dk.matches(oracle.dk, tolerance)) << "dk";
    EXPECT_TRUE(dv.matches(oracle.dv, tolerance)) << "dv";
    EXPECT_EQ(saved.download(), saved_before) << "backward changed what forward saved";
    EXPECT_EQ(out.values(), out_before) << "backward changed out";
    EXPECT_TRUE(dout.check("dout"));
    EXPECT_TRUE(q.check("q"));
    EXPECT_TRUE(k.check("k"));
    EXPECT_TRUE(v.check("v"));
    EXPECT_TRUE(dq.check("dq"));
    EXPECT_TRUE(dk.check("dk"));
    EXPECT_TRUE(dv.check("dv"));
    EXPECT_TRUE(scratch.check("scratch"));
    return {to_double(dq.values()), to_double(dk.values()), to_double(dv.values())};
  }
};

TEST_P(AttentionBackwardTest, MatchesOracle) {
  for_each_case([&](const AttentionShape& shape, HeadsLayout layout) {
    run_case(shape, layout, random_inputs(shape));
  });
}

TEST_P(AttentionBackwardTest, LargeScoresDoNotOverflow) {
  AttentionShape shape{1, 70, 2, 1, 16, true, 1.0f};
  AttentionInputs in = random_inputs(shape);
  for (auto* values : {&in.q, &in.k}) {
    for (float& value : *values) value = std::round(4.0f * value);
  }
  run_case(shape, HeadsLayout::kTokenMajor, in, {1e-3, 1e-4});
}

TEST_P(AttentionBackwardTest, IsDeterministic) {
  const AttentionShape shape = llama_shape(2, 70, 4, 1, 32, true);
  const AttentionInputs in = random_inputs(shape);
  const AttentionOracleGradients first = run_case(shape, HeadsLayout::kTokenMajor, in);
  const AttentionOracleGradients second = run_case(shape, HeadsLayout::kTokenMajor, in);
  EXPECT_EQ(first.dq, second.dq);
  EXPECT_EQ(first.dk, second.dk);
  EXPECT_EQ(first.dv, second.dv);
}

TEST_P(AttentionBackwardTest, RefusesBadInput) {
  const AttentionShape good = llama_shape(1, 8, 4, 2, 16, true);
  DeviceBuffer<float> memory(4096);
  const auto refuses = [&](AttentionShape shape, const char* message, int null_argument = -1) {
    const auto data = [&](int argument) { return argument == null_argument ? nullptr : memory.data(); };
    const auto view = [&](int argument, int heads) {
      return token_major_view(data(argument), good.t, heads, good.d);
    };
    EXPECT_THROW_MESSAGE(
        run(view(0, shape.h), view(1, shape.h), view(2, shape.kv), view(3, shape.kv), view(4, shape.h),
            data(5), view(6, shape.h), view(7, shape.kv), view(8, shape.kv), data(9), shape, nullptr),
        Error, message);
  };
  AttentionShape wide = good;
  wide.d = 200;
  refuses(wide, "shape.d = 200");
  AttentionShape uneven = good;
  uneven.kv = 3;
  refuses(uneven, "shape.h = 4");
  const char* pointers[] = {"dout.data", "q.data",  "k.data",  "v.data",  "out.data",
                            "saved",     "dq.data", "dk.data", "dv.data", "scratch"};
  for (int argument = 0; argument < 10; ++argument) refuses(good, pointers[argument], argument);
}

WB_TEST_IMPLEMENTATIONS(AttentionBackwardTest, AttentionBackward);

TEST(AttentionOracle, BackwardMatchesCentralDifferences) {
  for (const bool causal : {true, false}) {
    const AttentionShape shape{2, 5, 4, 2, 3, causal, 0.7f};
    const AttentionInputs in = random_inputs(shape);
    const std::vector<double> q = to_double(in.q), k = to_double(in.k), v = to_double(in.v);
    const std::vector<double> dout = to_double(in.dout);
    const auto loss = [&](std::span<const double> x) {
      const std::vector<double> xq(x.begin(), x.begin() + q.size());
      const std::vector<double> xk(x.begin() + q.size(), x.begin() + q.size() + k.size());
      const std::vector<double> xv(x.begin() + q.size() + k.size(), x.end());
      const std::vector<double> out = attention_oracle_forward(xq, xk, xv, shape).out;
      return dot(out.data(), dout.data(), static_cast<int>(out.size()));
    };
    std::vector<double> x = q, analytic;
    x.insert(x.end(), k.begin(), k.end());
    x.insert(x.end(), v.begin(), v.end());
    const AttentionOracleGradients gradients = attention_oracle_backward(dout, q, k, v, shape);
    analytic = gradients.dq;
    analytic.insert(analytic.end(), gradients.dk.begin(), gradients.dk.end());
    analytic.insert(analytic.end(), gradients.dv.begin(), gradients.dv.end());
    EXPECT_TRUE(gradient_matches(loss, x, analytic, {1e-8, 1e-7}, 1e-5, x.size())) << "causal " << causal;
  }
}

TEST(AttentionMemory, FlashGrowsWithTAndMaterialisedWithItsSquare) {
  const AttentionShape shape = llama_shape(4, 512, 8, 2, 64, true);
  const std::size_t rows = 4 * 8 * 512;
  EXPECT_EQ(memory_of("solution", shape).saved, rows);
  EXPECT_LE(memory_of("solution", shape).scratch, rows);
  EXPECT_EQ(memory_of("materialised", shape).saved, rows * 512);
  EXPECT_EQ(memory_of("materialised", shape).scratch, rows * 512);
  AttentionShape bad = shape;
  bad.kv = 3;
  EXPECT_THROW_MESSAGE(memory_of("solution", bad), Error, "shape.h = 8");
}

}  // namespace
}  // namespace wb
