// Decode attention against a plain loop in double, over caches of every layout that hold more than is read.
#include "06_flash_attention/decode_attention.h"

#include <limits>
#include <vector>

#include "05_rmsnorm_rope/testing/heads_layouts.h"
#include "06_flash_attention/testing/decode_attention_cases.h"
#include "common/harness/implementation_test.h"

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
    const HeadsShape with_room{size.b, size.s + kRoom, size.kv, size.d};
    run(q.data(), make_view<const float>(layout, keys.data(), with_room),
        make_view<const float>(layout, values.data(), with_room), out.data(), size, nullptr);
    const std::vector<double> expected =
        decode_attention_oracle(to_double(in.q), to_double(in.keys), to_double(in.values), size);
    EXPECT_TRUE(matches(out.download(), expected, kTolerance, {{size.b, size.h, size.d}}));
    EXPECT_TRUE(q.check("q"));
    EXPECT_TRUE(keys.check("keys"));
    EXPECT_TRUE(values.check("values"));
    EXPECT_TRUE(out.check("out"));
  }
};

TEST_P(DecodeAttentionTest, MatchesOracle) {
  for (const int s : {1, 2, 31, 32, 33, 127, 128, 129, 255, 256, 257, 511, 512, 513, 768, 1000, 1025}) {
    for (const int d : {1, 12, 64}) {
      const DecodeSize size(1, s, 2, 1, d);
      try_case(size, random_inputs(size, static_cast<std::uint64_t>(s + d)));
    }
  }
}

TEST_P(DecodeAttentionTest, GivesEachGroupOfHeadsItsKeys) {
  for (const int kv : {6, 3, 2, 1}) {
    const DecodeSize size(3, 70, 6, kv, 20);
    try_case(size, random_inputs(size, static_cast<std::uint64_t>(kv)));
  }
}

TEST_P(DecodeAttentionTest, TakesEveryHeadWidth) {
  for (const int d : {2, 3, 16, 31, 32, 33, 63, 65, 80, 100, 127, 128}) {
    for (const int s : {150, 600}) {
      const DecodeSize size(2, s, 2, 2, d);
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
  for (const float offset : {8.0f, -8.0f}) {
    Inputs in = random_inputs(size, 4);
    for (float& value : in.q) value = 8.0f;
    for (float& value : in.keys) value = offset + std::round(value) / 16.0f;
    try_case(size, in);
  }
}

// A NaN among the scores must show, not be lost in a maximum.
TEST_P(DecodeAttentionTest, NaNShows) {
  const DecodeSize size(1, 40, 1, 1, 8);
  const Inputs in = random_inputs(size, 5);
  std::vector<float> bad = in.keys;
  bad[20 * 8] = std::numeric_limits<float>::quiet_NaN();
  auto q = GuardedBuffer<float>::input(in.q);
  auto keys = GuardedBuffer<float>::input(bad);
  auto values = GuardedBuffer<float>::input(in.values);
  auto out = GuardedBuffer<float>::output(8);
  run(q.data(), token_major_view<const float>(keys.data(), 40, 1, 8),
      token_major_view<const float>(values.data(), 40, 1, 8), out.data(), size, nullptr);
  for (const float value : out.download()) EXPECT_TRUE(std::isnan(value));
}

TEST_P(DecodeAttentionTest, IsDeterministic) {
  const DecodeSize size(2, 500, 4, 2, 32);
  const Inputs in = random_inputs(size, 6);
  DeviceBuffer<float> q(in.q), keys(in.keys), values(in.values), out(size.query_elements());
  std::vector<float> first;
  for (int i = 0; i < 3; ++i) {
    run(q.data(), token_major_view<const float>(keys.data(), 500, 2, 32),
        token_major_view<const float>(values.data(), 500, 2, 32), out.data(), size, nullptr);
    if (i == 0) first = out.download();
    EXPECT_EQ(out.download(), first);
  }
}

TEST_P(DecodeAttentionTest, RefusesWhatTheContractForbids) {
  const DecodeSize good(1, 8, 4, 2, 16);
  DeviceBuffer<float> memory(std::size_t{512});
  memory.fill_bytes(0xFF);
  const auto view = token_major_view<const float>(memory.data(), 8, 2, 16);
  const auto refuses = [&](auto change, const std::string& message) {
    DecodeAttentionShape shape = good;
    HeadsView<const float> keys = view, values = view;
    change(shape, keys, values);
    EXPECT_THROW_MESSAGE(run(memory.data(), keys, values, memory.data(), shape, nullptr), Error, message);
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
  float* const null = nullptr;
  EXPECT_THROW_MESSAGE(run(null, view, view, memory.data(), shape, nullptr), Error, "q = 0");
  EXPECT_THROW_MESSAGE(run(memory.data(), view, view, null, shape, nullptr), Error, "out = 0");
  EXPECT_THROW_MESSAGE(run(misaligned(memory.data()), view, view, memory.data(), shape, nullptr), Error,
                       "is_aligned(q)");
  EXPECT_THROW_MESSAGE(run(memory.data(), view, view, misaligned(memory.data()), shape, nullptr), Error,
                       "is_aligned(out)");
  for (const float value : memory.download()) ASSERT_TRUE(std::isnan(value)) << "something was launched";
}

WB_TEST_IMPLEMENTATIONS(DecodeAttentionTest, DecodeAttention);

}  // namespace
}  // namespace wb
