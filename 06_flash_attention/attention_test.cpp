#include "06_flash_attention/attention.h"

#include "06_flash_attention/testing/attention_fixtures.h"
#include "06_flash_attention/testing/attention_refusals.h"
#include "common/harness/far_operand.h"

namespace wb {
namespace {

// The steps of the lesson come first, in its order.

// q = 0 makes all scores equal: out is the mean of the values, of one key, of one tile, of several.
TEST_P(AttentionForwardTest, AveragesTheValues) {
  for (const int t : {1, 20, 100}) {
    const AttentionShape shape = llama_shape(2, t, 1, 1, 16, false);
    AttentionInputs in = random_inputs(shape);
    for (float& value : in.q) value = 0.0f;
    try_step(shape, in);
    if (HasFailure()) {
      ADD_FAILURE()
          << "all scores are 0 here: is every key counted once? If tiles are shared, look for a race: "
             "no thread may read a tile before it is loaded, or load while others still read";
      return;
    }
  }
}

TEST_P(AttentionForwardTest, WeighsByTheScores) {
  const AttentionShape shape = llama_shape(2, 20, 1, 1, 16, false);
  try_step(shape, random_inputs(shape));
}

// The maximum grows from tile to tile, so that each one rescales what was summed before.
TEST_P(AttentionForwardTest, RescalesWhenTheMaximumGrows) {
  AttentionShape shape{1, 130, 1, 1, 4, false, 1.0f};
  AttentionInputs in = random_inputs(shape);
  for (float& value : in.q) value = 1.0f;
  for (int t = 0; t < shape.t; ++t) {
    for (int d = 0; d < shape.d; ++d) in.k[t * shape.d + d] = static_cast<float>(t) / 32.0f;
  }
  try_step(shape, in);
}

// Small integers make the scores exact: hundreds, whose exponentials overflow without subtracting the
// maximum.
TEST_P(AttentionForwardTest, LargeScoresDoNotOverflow) {
  AttentionShape shape{1, 70, 1, 1, 16, false, 1.0f};
  AttentionInputs in = random_inputs(shape);
  for (auto* values : {&in.q, &in.k}) {
    for (float& value : *values) value = std::round(4.0f * value);
  }
  try_step(shape, in);
}

// All scores far below zero: without the maximum every exponential is 0, and so is their sum. -128000 is also
// below what may pass for the -infinity of a masked key.
TEST_P(AttentionForwardTest, LowScoresDoNotUnderflow) {
  AttentionShape shape{1, 70, 1, 1, 16, false, 1.0f};
  for (const float offset : {-8.0f, -1000.0f}) {
    SCOPED_TRACE(offset == -8.0f ? "scores about -1024" : "scores about -128000: is a masked one -infinity?");
    AttentionInputs in = random_inputs(shape);
    for (float& value : in.q) value = 8.0f;
    for (float& value : in.k) value = offset + std::round(value) / 16.0f;
    try_step(shape, in);
  }
}

TEST_P(AttentionForwardTest, HidesTheFuture) {
  for (const int t : {20, 100, 1}) {  // one query alone says the least about a wrong mask
    const AttentionShape shape = llama_shape(1, t, 1, 1, 16, true);
    try_step(shape, random_inputs(shape));
  }
}

TEST_P(AttentionForwardTest, SavesWhatBackwardNeeds) {
  for (const bool causal : {true, false}) {
    const AttentionShape shape = llama_shape(2, 70, 1, 1, 16, causal);
    try_case(shape, HeadsLayout::kTokenMajor, random_inputs(shape));
  }
}

TEST_P(AttentionForwardTest, GivesEachGroupOfHeadsItsKeys) {
  for (const int kv : {4, 2, 1}) {
    const AttentionShape shape = llama_shape(1, 40, 4, kv, 16, true);
    try_case(shape, HeadsLayout::kTokenMajor, random_inputs(shape));
  }
}

TEST_P(AttentionForwardTest, MatchesOracle) {
  for_each_case(implementation().name, [&](const AttentionShape& shape, HeadsLayout layout) {
    if (!HasFailure()) try_case(shape, layout, random_inputs(shape));  // one problem explains enough
  });
}

// Contiguous heads whose address is no multiple of 16 bytes: a vector load would fault, or read askew.
TEST_P(AttentionForwardTest, ReadsUnalignedHeads) {
  const AttentionShape shape = llama_shape(1, 40, 2, 1, 32, true);
  try_case(shape, HeadsLayout::kHeadMajor, random_inputs(shape), kForwardTolerance, 1);
}

TEST_P(AttentionForwardTest, FitsSmallerGpusOrSaysWhatTheyLack) {
  for_each_smaller_gpu(implementation().name, [&](const AttentionShape& shape) {
    try_case(shape, HeadsLayout::kTokenMajor, random_inputs(shape));
  });
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

// The point of it all: what lives from forward to backward, and what backward needs beside it, grows with T.
// Only who stores the scores needs its square. A launcher allocates nothing.
TEST_P(AttentionForwardTest, MemoryGrowsWithTAndNotWithItsSquare) {
  const bool scores_stored = stores_scores(implementation().name);
  for (const int t : unless_inspected(std::vector{64, 128, 256}, {32, 64, 128})) {
    const AttentionShape shape = llama_shape(1, t, 2, 1, 16, true);
    const std::size_t rows = static_cast<std::size_t>(shape.h) * t;
    const AttentionMemory need = memory(shape);
    EXPECT_EQ(need.saved, scores_stored ? rows * t : rows) << "T " << t;
    EXPECT_LE(need.scratch, scores_stored ? rows * t : rows) << "T " << t;

    DeviceBuffer<float> q(random_normal(rows * shape.d, 1)), k(random_normal(rows / 2 * shape.d, 2)),
        v(random_normal(rows / 2 * shape.d, 3)), out(rows * shape.d), saved(need.saved);
    const auto view = [&](DeviceBuffer<float>& buffer, int heads) {
      return token_major_view(buffer.data(), shape.t, heads, shape.d);
    };
    const auto call = [&] {
      run(view(q, 2), view(k, 1), view(v, 1), view(out, 2), saved.data(), shape, nullptr);
    };
    call();  // the first may set up a library
    reset_peak_device_memory();
    const std::size_t before = device_memory_use().current;
    call();
    EXPECT_EQ(device_memory_use().peak, before) << "T " << t << ": the launcher allocated memory";
  }
}

// Five tokens, as far apart as a view's strides may put them: the last lies past element 2^31. On the CPU
// device it lies at 2^32, which 32 bits take for the first.
struct FarTokens {
  static constexpr int kT = 5, kD = 16;
  static constexpr std::size_t kBytes = kD * sizeof(float);
  std::int64_t stride = far_elements() / (kT - 1), last = (kT - 1) * stride;
  std::size_t floats = static_cast<std::size_t>(last + kD);
  AttentionShape shape = llama_shape(1, kT, 1, 1, kD, false);

  HeadsView<float> view(const FarOperand& far) const { return {far.data(), 1, kT * stride, stride, kD, 1}; }
  // The tokens between the ends stay what they are.
  void place(std::vector<float>& values, const FarOperand& far) const {
    for (int t = 0; t < kT; ++t) {
      float *there = far.data() + t * stride, *here = values.data() + t * kD;
      const bool is_end = t == 0 || t == kT - 1;
      WB_CUDA_CHECK(cudaMemcpy(is_end ? there : here, is_end ? here : there, kBytes, cudaMemcpyDefault));
    }
  }
  std::vector<float> last_of(const FarOperand& far) const {
    std::vector<float> row(kD);
    WB_CUDA_CHECK(cudaMemcpy(row.data(), far.data() + last, kBytes, cudaMemcpyDeviceToHost));
    return row;
  }
  static std::vector<double> last_of(const std::vector<double>& all) { return {all.end() - kD, all.end()}; }
  std::string where() const { return "\n  the last token lies at element " + std::to_string(last); }
};

TEST_P(AttentionForwardTest, CountsPastTwoToThe31) {
  const FarTokens tokens;
  if (const std::string why = no_far_operands(4 * tokens.floats, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const FarOperand q(tokens.floats), k(tokens.floats), v(tokens.floats), out(tokens.floats);
  AttentionInputs in = random_inputs(tokens.shape);
  tokens.place(in.q, q), tokens.place(in.k, k), tokens.place(in.v, v);
  DeviceBuffer<float> saved(memory(tokens.shape).saved);
  run_far(tokens.last, [&] {
    run(tokens.view(q), tokens.view(k), tokens.view(v), tokens.view(out), saved.data(), tokens.shape,
        nullptr);
  });

  const std::vector<float> row = tokens.last_of(out);
  const auto expected = [&](const AttentionInputs& inputs) {
    return FarTokens::last_of(
        attention_oracle_forward(to_double(inputs.q), to_double(inputs.k), to_double(inputs.v), tokens.shape)
            .out);
  };
  AttentionInputs wrapped = in;
  for (auto* values : {&wrapped.k, &wrapped.v}) {
    std::copy_n(values->begin(), FarTokens::kD, values->end() - FarTokens::kD);
  }
  EXPECT_TRUE(matches(row, expected(in), kForwardTolerance, {{1, 1, 1, FarTokens::kD}}))
      << (looks_like(row, expected(wrapped)) ? explain_wrapped(tokens.last) : tokens.where());
}

TEST_P(AttentionForwardTest, RefusesBadInput) {
  const auto call = [&](const RefusalArguments& a) {
    const int h = a.shape.h, kv = a.shape.kv;
    run(a.view<float>(0, h), a.view<float>(1, kv), a.view<float>(2, kv), a.view<float>(3, h),
        a.pointer<float>(4), a.shape, nullptr);
  };
  expect_attention_refusals(call, {"q.data", "k.data", "v.data", "out.data", "saved"});
}

TEST_P(AttentionForwardTest, RefusesBadShapesWhenAskedForMemory) {
  AttentionShape shape = llama_shape(1, 8, 4, 2, 16, true);
  shape.kv = 3;
  EXPECT_THROW_MESSAGE(memory(shape), Error, "shape.h = 4");
}

WB_TEST_IMPLEMENTATIONS(AttentionForwardTest, AttentionForward);

// The steps of the lesson. dV needs the probabilities alone, dQ and dK the softmax's gradient as well.
TEST_P(AttentionBackwardTest, DifferentiatesByV) {
  for (const bool causal : {false, true}) {
    const AttentionShape shape = llama_shape(1, 40, 2, 1, 16, causal);
    run_case(shape, HeadsLayout::kTokenMajor, random_inputs(shape), kBackwardTolerance, Gradients::kV);
  }
}

TEST_P(AttentionBackwardTest, DifferentiatesByQ) {
  for (const bool causal : {false, true}) {
    const AttentionShape shape = llama_shape(1, 40, 2, 1, 16, causal);
    run_case(shape, HeadsLayout::kTokenMajor, random_inputs(shape), kBackwardTolerance, Gradients::kQ);
  }
}

TEST_P(AttentionBackwardTest, DifferentiatesByK) {
  for (const bool causal : {false, true}) {
    const AttentionShape shape = llama_shape(1, 40, 4, 2, 16, causal);
    run_case(shape, HeadsLayout::kTokenMajor, random_inputs(shape), kBackwardTolerance, Gradients::kK);
  }
}

TEST_P(AttentionBackwardTest, MatchesOracle) {
  for_each_case(implementation().name, [&](const AttentionShape& shape, HeadsLayout layout) {
    if (!HasFailure()) run_case(shape, layout, random_inputs(shape));  // one problem explains enough
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

TEST_P(AttentionBackwardTest, FitsSmallerGpusOrSaysWhatTheyLack) {
  for_each_smaller_gpu(implementation().name, [&](const AttentionShape& shape) {
    run_case(shape, HeadsLayout::kTokenMajor, random_inputs(shape));
  });
}

TEST_P(AttentionBackwardTest, IsDeterministic) {
  const AttentionShape shape =
      llama_shape(unless_inspected(2, 1), 70, unless_inspected(4, 2), 1, unless_inspected(32, 16), true);
  const AttentionInputs in = random_inputs(shape);
  const AttentionOracleGradients first = run_case(shape, HeadsLayout::kTokenMajor, in);
  const AttentionOracleGradients second = run_case(shape, HeadsLayout::kTokenMajor, in);
  EXPECT_EQ(first.dq, second.dq);
  EXPECT_EQ(first.dk, second.dk);
  EXPECT_EQ(first.dv, second.dv);
}

TEST_P(AttentionBackwardTest, CountsPastTwoToThe31) {
  const FarTokens tokens;
  if (const std::string why = no_far_operands(8 * tokens.floats, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const std::size_t n = tokens.floats;
  const FarOperand dout(n), q(n), k(n), v(n), out(n), dq(n), dk(n), dv(n);
  AttentionInputs in = random_inputs(tokens.shape);
  tokens.place(in.dout, dout), tokens.place(in.q, q), tokens.place(in.k, k), tokens.place(in.v, v);
  const AttentionMemory memory = memory_of(implementation().name, tokens.shape);
  DeviceBuffer<float> saved(memory.saved), scratch(memory.scratch);
  const auto at = [&](const FarOperand& far) { return tokens.view(far); };
  run_far(tokens.last, [&] {
    function_of<AttentionForward>(implementation().name)(at(q), at(k), at(v), at(out), saved.data(),
                                                         tokens.shape, nullptr);
    run(at(dout), at(q), at(k), at(v), at(out), saved.data(), at(dq), at(dk), at(dv), scratch.data(),
        tokens.shape, nullptr);
  });

  const AttentionOracleGradients oracle = attention_oracle_backward(
      to_double(in.dout), to_double(in.q), to_double(in.k), to_double(in.v), tokens.shape);
  const auto expect = [&](const char* name, const FarOperand& far, const std::vector<double>& expected) {
    EXPECT_TRUE(matches(tokens.last_of(far), FarTokens::last_of(expected), kBackwardTolerance,
                        {{1, 1, 1, FarTokens::kD}}))
        << name << tokens.where();
  };
  expect("dq", dq, oracle.dq), expect("dk", dk, oracle.dk), expect("dv", dv, oracle.dv);
}

TEST_P(AttentionBackwardTest, RefusesBadInput) {
  const auto call = [&](const RefusalArguments& a) {
    const int h = a.shape.h, kv = a.shape.kv;
    run(a.view<float>(0, h), a.view<float>(1, h), a.view<float>(2, kv), a.view<float>(3, kv),
        a.view<float>(4, h), a.pointer<float>(5), a.view<float>(6, h), a.view<float>(7, kv),
        a.view<float>(8, kv), a.pointer<float>(9), a.shape, nullptr);
  };
  expect_attention_refusals(call, {"dout.data", "q.data", "k.data", "v.data", "out.data", "saved", "dq.data",
                                   "dk.data", "dv.data", "scratch"});
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

}  // namespace
}  // namespace wb
