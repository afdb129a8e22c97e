// Tests of decode attention, in the order of the lesson's steps: the untouched starter fails at the first.
// Caches have every layout, and hold more tokens than are read.
#include "06_flash_attention/decode_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "05_rmsnorm_rope/testing/heads_layouts.h"
#include "06_flash_attention/testing/decode_attention_cases.h"
#include "06_flash_attention/testing/decode_attention_diagnosis.h"
#include "common/core/device_info.h"
#include "common/harness/far_matches.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/runtime_calls.h"

namespace wb {
namespace {

constexpr Tolerance kTolerance{2e-6, 2e-5};
constexpr int kRoom = 3;  // tokens that the cache has room for beyond S

struct Inputs {
  std::vector<float> q, keys, values;  // token-major, without the room
};

Inputs random_inputs(const DecodeSize& size, std::uint64_t seed) {
  return {random_normal(size.query_elements(), seed), random_normal(size.cache_elements(), seed + 1),
          random_normal(size.cache_elements(), seed + 2)};
}

class DecodeAttentionTest : public ImplementationTest<DecodeAttention> {
 protected:
  // The room is full of NaN: a kernel that reads it, with weight 0 too, has NaN as its result.
  GuardedBuffer<float> cache(const std::vector<float>& rows, HeadsLayout layout, const DecodeSize& size,
                             std::size_t misalign) {
    const HeadsShape with_room{size.b, size.s + kRoom, size.kv, size.d};
    std::vector<float> stored(storage_size(layout, with_room), std::numeric_limits<float>::quiet_NaN());
    const HeadsView<float> view = make_view(layout, stored.data(), with_room);
    std::size_t i = 0;
    for (int b = 0; b < size.b; ++b) {
      for (int s = 0; s < size.s; ++s) {
        for (int h = 0; h < size.kv; ++h) {
          for (int c = 0; c < size.d; ++c) {
            view.data[b * view.stride_b + s * view.stride_t + h * view.stride_h + c * view.stride_d] =
                rows[i++];
          }
        }
      }
    }
    return GuardedBuffer<float>::input(std::move(stored), misalign);
  }

  void try_case(const DecodeSize& size, const Inputs& in, HeadsLayout layout = HeadsLayout::kTokenMajor,
                std::size_t misalign = 0) {
    SCOPED_TRACE(size.name() + ", " + name_of(layout) + (misalign != 0 ? ", misaligned" : ""));
    auto q = GuardedBuffer<float>::input(in.q, misalign);
    auto keys = cache(in.keys, layout, size, misalign);
    auto values = cache(in.values, layout, size, misalign);
    auto out = GuardedBuffer<float>::output(size.query_elements(), misalign);
    auto scratch = GuardedBuffer<float>::output(decode_attention_scratch_size(size), misalign);
    const HeadsShape with_room{size.b, size.s + kRoom, size.kv, size.d};
    run(q.data(), make_view<const float>(layout, keys.data(), with_room),
        make_view<const float>(layout, values.data(), with_room), out.data(), scratch.data(), size, nullptr);
    const std::vector<double> q64 = to_double(in.q), k64 = to_double(in.keys), v64 = to_double(in.values);
    const std::vector<double> expected = decode_attention_oracle(q64, k64, v64, size);
    EXPECT_TRUE(matches(out.download(), expected, kTolerance, {{size.b, size.h, size.d}}))
        << explain_decode_attention(out.download(), q64, k64, v64, size);
    EXPECT_TRUE(q.check("q"));
    EXPECT_TRUE(keys.check("keys"));
    EXPECT_TRUE(values.check("values"));
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(scratch.check("scratch"));
  }

  // One sequence's queries and contiguous caches on the device, and what a call does with them.
  struct Problem {
    explicit Problem(const DecodeSize& problem_size, const Inputs& in)
        : size(problem_size),
          q(in.q),
          keys(in.keys),
          values(in.values),
          out(size.query_elements()),
          scratch(decode_attention_scratch_size(size)) {}
    HeadsView<const float> view(const DeviceBuffer<float>& cache) const {
      return token_major_view<const float>(cache.data(), size.s, size.kv, size.d);
    }
    DecodeSize size;
    DeviceBuffer<float> q, keys, values, out, scratch;
  };

  std::vector<float> call(Problem& p) {
    p.out.fill_bytes(0xFF);
    p.scratch.fill_bytes(0xFF);
    run(p.q.data(), p.view(p.keys), p.view(p.values), p.out.data(), p.scratch.data(), p.size, nullptr);
    return p.out.download();
  }
};

TEST_P(DecodeAttentionTest, AveragesTheValues) {
  for (const int s : {1, 128, 300}) {
    for (const int d : {64, 5, 128}) {
      const DecodeSize size(2, s, 1, 1, d);
      Inputs in = random_inputs(size, static_cast<std::uint64_t>(s + d));
      for (float& value : in.q) value = 0.0f;  // all scores are 0, so all weights are equal
      try_case(size, in);
    }
  }
}

TEST_P(DecodeAttentionTest, WeighsByTheScores) {
  for (const int s : {1, 2, 31, 32, 33, 127, 128, 129, 255, 256, 257, 511, 512, 513, 768, 1000, 1025}) {
    for (const int d : {1, 12, 64}) {
      const DecodeSize size(1, s, 2, 1, d);
      try_case(size, random_inputs(size, static_cast<std::uint64_t>(s + d)));
    }
  }
}

// The maximum grows from tile to tile, or comes first and makes later weights vanish.
TEST_P(DecodeAttentionTest, RescalesWhenTheMaximumGrows) {
  DecodeSize size(1, 1400, 1, 1, 4);
  size.scale = 1.0f;
  Inputs in = random_inputs(size, 3);
  for (float& value : in.q) value = 1.0f;
  for (std::size_t i = 0; i < in.keys.size(); ++i) in.keys[i] = static_cast<float>(i / 4) / 32.0f;
  try_case(size, in);
  for (float& value : in.keys) value = -value;
  try_case(size, in);
}

TEST_P(DecodeAttentionTest, LargeScoresNeitherOverflowNorUnderflow) {
  DecodeSize size(1, 200, 2, 1, 16);
  size.scale = 1.0f;
  for (const float offset : {8.0f, -8.0f, -1000.0f}) {  // -128000 is below what may pass for -infinity
    Inputs in = random_inputs(size, 4);
    for (float& value : in.q) value = 8.0f;
    for (float& value : in.keys) value = offset + std::round(value) / 16.0f;
    try_case(size, in);
  }
}

// A NaN among the scores must show in its sequence, not be lost in a maximum.
TEST_P(DecodeAttentionTest, NaNShows) {
  for (const int s : {40, 400}) {
    const DecodeSize size(2, s, 1, 1, 8);
    Inputs in = random_inputs(size, 5);
    std::vector<double> expected =
        decode_attention_oracle(to_double(in.q), to_double(in.keys), to_double(in.values), size);
    in.keys[20 * 8] = std::numeric_limits<float>::quiet_NaN();
    Problem problem(size, in);
    const std::vector<float> got = call(problem);
    for (int c = 0; c < 8; ++c) EXPECT_TRUE(std::isnan(got[c])) << "feature " << c << ", " << s << " tokens";
    EXPECT_TRUE(
        matches({got.begin() + 8, got.end()}, {expected.begin() + 8, expected.end()}, kTolerance, {{8}}))
        << "the sequence without a NaN";
  }
}

TEST_P(DecodeAttentionTest, GivesEachGroupOfHeadsItsKeys) {
  for (const int kv : {6, 3, 2, 1}) {
    for (const int s : {70, 300}) {
      const DecodeSize size(3, s, 6, kv, 20);
      try_case(size, random_inputs(size, static_cast<std::uint64_t>(kv)));
    }
  }
}

TEST_P(DecodeAttentionTest, TakesEveryHeadWidth) {
  for (const int d : {2, 3, 16, 31, 32, 33, 63, 65, 80, 100, 127, 128}) {
    for (const int s : {150, 600}) {
      const DecodeSize size(1, s, 2, 2, d);
      try_case(size, random_inputs(size, static_cast<std::uint64_t>(s + d)));
    }
  }
}

TEST_P(DecodeAttentionTest, ReadsEveryLayout) {
  for (const int s : {140, 530}) {
    const DecodeSize size(2, s, 4, 2, 16);
    for (const HeadsLayout layout : kHeadsLayouts) try_case(size, random_inputs(size, 8), layout);
    for (const HeadsLayout layout : kHeadsLayouts) try_case(size, random_inputs(size, 9), layout, 1);
  }
}

TEST_P(DecodeAttentionTest, IsDeterministic) {
  const DecodeSize size(2, 500, 4, 2, 32);
  const Inputs in = random_inputs(size, 6);
  Problem problem(size, in);
  const std::vector<float> first = call(problem);
  EXPECT_TRUE(
      matches(first, decode_attention_oracle(to_double(in.q), to_double(in.keys), to_double(in.values), size),
              kTolerance, {{2, 4, 32}}));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(call(problem), first);
}

// Blocks exchange what they found through scratch memory: block_per_head has nothing to exchange.
TEST_P(DecodeAttentionTest, StoresPartsInScratchMemory) {
  if (implementation().name == "block_per_head") GTEST_SKIP() << "block_per_head has no parts";
  const DecodeSize size(1, 4000, 2, 1, 16);
  Problem problem(size, random_inputs(size, 7));
  call(problem);
  const std::vector<float> scratch = problem.scratch.download();
  const auto written = std::count_if(scratch.begin(), scratch.end(), [](float x) { return !std::isnan(x); });
  EXPECT_GE(written, 2 * (16 + 2)) << "of each head a sum of 16 features, a maximum and a sum of weights: "
                                   << written << " floats of scratch memory are written";
}

TEST_P(DecodeAttentionTest, DividesALongCache) {
  if (implementation().name == "block_per_head") GTEST_SKIP() << "block_per_head has one block per head";
  const DecodeSize size(1, 4000, 2, 1, 16);
  const Inputs in = random_inputs(size, 7);
  try_case(size, in);
  const DecodeSize longer(1, 9001, 2, 1, 4);  // 64 pieces of 128 tokens are not enough
  try_case(longer, random_inputs(longer, 8));
  Problem problem(size, in);
  RuntimeCalls calls;
  call(problem);
  calls.stop();
  unsigned int blocks = 0;
  for (const RuntimeCall& launch : calls.of(CallKind::kLaunch)) {
    blocks = std::max(blocks, launch.grid.x * launch.grid.y * launch.grid.z);
  }
  EXPECT_GE(blocks, 16u) << "4000 tokens of 2 heads are enough for 8 blocks per head, 500 tokens each; the "
                            "largest launch has "
                         << blocks << " blocks";
}

// A grid has at most 65535 blocks in y.
TEST_P(DecodeAttentionTest, TakesManySequences) {
  const DecodeSize size(65536 + 5, 1, 1, 1, 2);  // of one token: its value is the result
  Problem problem(size, random_inputs(size, 10));
  {
    const OnlyEndBlocks ends({0, 1});
    call(problem);
  }
  EXPECT_FLOAT_EQ(problem.out.download().back(), problem.values.download().back()) << "the last sequence";
}

// Two tokens, as far apart as a view's strides may put them: the second lies past element 2^31.
TEST_P(DecodeAttentionTest, CountsPastTwoToThe31) {
  const std::int64_t last = far_elements();
  const DecodeSize size(1, 2, 1, 1, 16);
  const auto floats = static_cast<std::size_t>(last + size.d);
  if (const std::string why = no_far_operands(2 * floats, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const FarOperand keys(floats), values(floats);
  const Inputs in = random_inputs(size, 11);
  const auto place = [&](const std::vector<float>& rows, const FarOperand& far) {
    for (const int s : {0, 1}) {
      WB_CUDA_CHECK(cudaMemcpy(far.data() + s * last, &rows[static_cast<std::size_t>(s * size.d)],
                               static_cast<std::size_t>(size.d) * sizeof(float), cudaMemcpyHostToDevice));
    }
  };
  place(in.keys, keys), place(in.values, values);
  const auto view = [&](const FarOperand& far) {
    return HeadsView<const float>{far.data(), 1, 2 * last, last, size.d, 1};
  };
  Problem problem(size, in);
  const auto launch = [&] {
    run(problem.q.data(), view(keys), view(values), problem.out.data(), problem.scratch.data(), size,
        nullptr);
  };
  run_far(last, launch, {kMostDecodePieces, kMostDecodePieces});
  EXPECT_TRUE(
      matches(problem.out.download(),
              decode_attention_oracle(to_double(in.q), to_double(in.keys), to_double(in.values), size),
              kTolerance, {{1, 1, size.d}}))
      << "the second token lies at element " << last << ": too far for a 32-bit index";

  // So many sequences that the last of their queries lies there too. All have the same token, and its value.
  const DecodeSize many(static_cast<int>(last / kMaxHeadWidth) + 1, 1, 1, 1, kMaxHeadWidth);
  const std::size_t scratch_size = decode_attention_scratch_size(many);
  const std::size_t queries = many.query_elements();
  if (!no_far_operands(2 * queries + scratch_size, implementation().name).empty()) return;
  const FarOperand q(queries), out(queries, FarFill::kZeros), scratch(scratch_size, FarFill::kOwnZeros);
  const DeviceBuffer<float> token(random_normal(kMaxHeadWidth, 12));
  const HeadsView<const float> same{token.data(), 1, 0, kMaxHeadWidth, kMaxHeadWidth, 1};
  const EndBlocks of_last_sequence{kMostDecodePieces, kMostDecodePieces};
  run_far(
      last, [&] { run(q.data(), same, same, out.data(), scratch.data(), many, nullptr); }, of_last_sequence);
  std::vector<float> got(kMaxHeadWidth);
  WB_CUDA_CHECK(
      cudaMemcpy(got.data(), out.data() + last, kMaxHeadWidth * sizeof(float), cudaMemcpyDeviceToHost));
  EXPECT_TRUE(far_matches(got, to_double(token.download()), kTolerance))
      << "out of the last sequence begins at element " << last << ": too far for a 32-bit index";
}

TEST_P(DecodeAttentionTest, RefusesWhatTheContractForbids) {
  const DecodeSize good(1, 8, 4, 2, 16);
  DeviceBuffer<float> memory(std::size_t{512});  // nothing reads it
  memory.fill_bytes(0xFF);
  const auto view = token_major_view<const float>(memory.data(), 8, 2, 16);
  const auto refuses = [&](auto change, const std::string& message) {
    DecodeAttentionShape shape = good;
    HeadsView<const float> keys = view, values = view;
    change(shape, keys, values);
    EXPECT_THROW_MESSAGE(run(memory.data(), keys, values, memory.data(), memory.data(), shape, nullptr),
                         Error, message);
  };
  const float* const odd = misaligned(memory.data());
  using S = DecodeAttentionShape;
  using V = HeadsView<const float>;
  for (const int bad : {0, -1}) {
    const std::string value = " = " + std::to_string(bad);
    refuses([=](S& s, V&, V&) { s.b = bad; }, "shape.b" + value);
    refuses([=](S& s, V&, V&) { s.s = bad; }, "shape.s" + value);
    refuses([=](S& s, V&, V&) { s.h = bad; }, "shape.h" + value);
    refuses([=](S& s, V&, V&) { s.kv = bad; }, "shape.kv" + value);
    refuses([=](S& s, V&, V&) { s.d = bad; }, "shape.d" + value);
  }
  refuses([](S& s, V&, V&) { s.kv = 3; }, "shape.h = 4");
  refuses([](S& s, V&, V&) { s.d = 129; }, "shape.d = 129");
  refuses([](S& s, V&, V&) { s.scale = NAN; }, "shape.scale = nan");
  refuses([](S& s, V&, V&) { s.scale = INFINITY; }, "shape.scale = inf");
  refuses([](S& s, V&, V&) { s.b = 1 << 30; }, "heads = 4294967296");
  refuses([](S&, V& k, V&) { k.data = nullptr; }, "keys.data = 0");
  refuses([](S&, V&, V& v) { v.data = nullptr; }, "values.data = 0");
  refuses([=](S&, V& k, V&) { k.data = odd; }, "is_aligned(keys.data)");
  refuses([=](S&, V&, V& v) { v.data = odd; }, "is_aligned(values.data)");
  refuses([](S&, V& k, V&) { k.heads = 4; }, "keys.heads = 4");
  refuses([](S&, V&, V& v) { v.heads = 1; }, "values.heads = 1");
  const DecodeAttentionShape shape = good;
  float* const right = memory.data();
  expect_bad_pointers_named({"q", "out", "scratch"}, right, view, view, right, right, shape, nullptr);
  for (const float value : memory.download()) ASSERT_TRUE(std::isnan(value)) << "something was launched";
}

WB_TEST_IMPLEMENTATIONS(DecodeAttentionTest, DecodeAttention);

}  // namespace
}  // namespace wb
