// Tests of rope and its gradient in bf16: the same rotation, each result rounded once.
#include "05_rmsnorm_rope/rope.h"
#include "05_rmsnorm_rope/testing/heads_layouts.h"
#include "05_rmsnorm_rope/testing/rope_oracle.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::bf16;
using wb::GuardedBuffer;
using wb::HeadsLayout;
using wb::HeadsShape;
using wb::RopePairing;

const bf16 kGap = wb::from_float<bf16>(12345.0f);  // between the elements of a view
// fp32 arithmetic; where the two products nearly cancel, the absolute part counts.
constexpr wb::Tolerance kTolerance{1e-6, wb::kBf16Rounding};

struct Heads {
  Heads(HeadsLayout heads_layout, const HeadsShape& heads_shape, std::uint64_t seed, std::size_t misalign = 0)
      : layout(heads_layout),
        shape(heads_shape),
        before(wb::rounded_to_bf16(wb::random_normal(shape.size(), seed))),
        storage(
            GuardedBuffer<bf16>::inout(wb::to_storage(layout, shape, wb::to_bf16(before), kGap), misalign)) {}

  wb::HeadsView<bf16> view() { return wb::make_view(layout, storage.data(), shape); }

  void expect(const std::vector<double>& expected, const char* name) const {
    const std::vector<bf16> after = storage.download();
    EXPECT_TRUE(wb::matches(wb::to_float(wb::from_storage(layout, shape, after)), expected, kTolerance,
                            {{shape.b, shape.t, shape.heads, shape.d}, 0, before}))
        << name;
    EXPECT_EQ(wb::changed_gaps(layout, shape, after, kGap), 0u)
        << name << ": the kernel wrote between the elements of the view";
    EXPECT_TRUE(storage.check(name));
  }

  HeadsLayout layout;
  HeadsShape shape;
  std::vector<float> before;
  GuardedBuffer<bf16> storage;
};

/// Elements past a multiple of 16 bytes at which each argument starts.
struct Misalign {
  std::size_t q = 0, k = 0, cosine = 0, sine = 0;
};

template <class Contract>
class RopeBf16Test : public wb::ImplementationTest<Contract> {
 protected:
  static constexpr double kDirection = std::is_same_v<Contract, wb::RopeForwardBf16> ? 1.0 : -1.0;

  void expect_rotation(int b, int t, int h, int k, int d, HeadsLayout layout_q = HeadsLayout::kTokenMajor,
                       HeadsLayout layout_k = HeadsLayout::kTokenMajor, const Misalign& misalign = {}) {
    for (const RopePairing pairing : {RopePairing::kHalfSplit, RopePairing::kInterleaved}) {
      SCOPED_TRACE(std::string(pairing == RopePairing::kHalfSplit ? "half-split" : "interleaved") + ", q " +
                   wb::name_of(layout_q) + ", k " + wb::name_of(layout_k) + ", d = " + std::to_string(d));
      const wb::RopeTable table = wb::make_rope_table(t, d);
      auto cosine = GuardedBuffer<float>::input(table.cosine, misalign.cosine);
      auto sine = GuardedBuffer<float>::input(table.sine, misalign.sine);
      Heads queries(layout_q, {b, t, h, d}, 1, misalign.q), keys(layout_k, {b, t, k, d}, 2, misalign.k);
      this->run(queries.view(), keys.view(), cosine.data(), sine.data(), b, t, d, pairing, nullptr);
      for (const auto& [heads, name] : {std::pair{&queries, "q"}, std::pair{&keys, "k"}}) {
        heads->expect(wb::rope_oracle(wb::to_double(heads->before), heads->shape, table, pairing, kDirection),
                      name);
      }
      EXPECT_TRUE(cosine.check("cosine"));
      EXPECT_TRUE(sine.check("sine"));
    }
  }

  void expect_every_size() {
    for (const int d : {2, 6, 8, 16, 30, 32, 48, 64, 80, 96, 128, 256}) expect_rotation(2, 5, 3, 2, d);
    for (const int t : {1, 31, 257}) expect_rotation(2, t, 2, 1, 16);
    for (const int heads : {1, 7, 32, 65}) expect_rotation(2, 3, heads, 1, 64);
  }

  void expect_every_layout() {
    for (const HeadsLayout layout_q : wb::kHeadsLayouts) {
      for (const HeadsLayout layout_k : wb::kHeadsLayouts)
        expect_rotation(2, 19, 4, 2, 32, layout_q, layout_k);
    }
  }

  // What does not start at a multiple of 16 bytes is legal, and must not be loaded 16 bytes at a time; nor
  // may rows of 6 features, though the tensor starts at one.
  void expect_any_address() {
    constexpr HeadsLayout kTokens = HeadsLayout::kTokenMajor;
    for (const int d : {6, 64}) {
      for (const std::size_t off : {1, 4}) {
        for (const Misalign& misalign :
             {Misalign{off, 0, 0, 0}, {0, off, 0, 0}, {0, 0, off, 0}, {0, 0, 0, off}, {off, off, off, off}}) {
          expect_rotation(1, 5, 2, 1, d, kTokens, kTokens, misalign);
        }
      }
    }
  }

  void expect_bad_arguments_named() {
    wb::DeviceBuffer<bf16> buffer(wb::to_bf16(wb::random_uniform(64, 1)));
    wb::DeviceBuffer<float> table(wb::random_uniform(64, 1));
    bf16* const x = buffer.data();
    bf16* const askew = wb::misaligned(x);
    float* const angles = table.data();
    const auto rotate = [&](bf16* q, bf16* k, const float* cosine, int d) {
      this->run(wb::token_major_view(q, 2, 1, 4), wb::token_major_view(k, 2, 1, 4), cosine, angles, 1, 2, d,
                RopePairing::kHalfSplit, nullptr);
    };
    EXPECT_THROW_MESSAGE(rotate(nullptr, x, angles, 4), wb::Error, "q.data = 0");
    EXPECT_THROW_MESSAGE(rotate(askew, x, angles, 4), wb::Error, "is_aligned(q.data)");
    EXPECT_THROW_MESSAGE(rotate(x, askew, angles, 4), wb::Error, "is_aligned(k.data)");
    EXPECT_THROW_MESSAGE(rotate(x, x, nullptr, 4), wb::Error, "cosine = 0");
    EXPECT_THROW_MESSAGE(rotate(x, x, angles, 3), wb::Error, "d = 3");
  }
};

class RopeForwardBf16Test : public RopeBf16Test<wb::RopeForwardBf16> {};

TEST_P(RopeForwardBf16Test, RotatesEverySize) {
  expect_every_size();
}
TEST_P(RopeForwardBf16Test, RotatesEveryLayout) {
  expect_every_layout();
}
TEST_P(RopeForwardBf16Test, RotatesFromAnyAddress) {
  expect_any_address();
}
TEST_P(RopeForwardBf16Test, RejectsBadArguments) {
  expect_bad_arguments_named();
}

WB_TEST_IMPLEMENTATIONS(RopeForwardBf16Test, wb::RopeForwardBf16);

class RopeBackwardBf16Test : public RopeBf16Test<wb::RopeBackwardBf16> {};

TEST_P(RopeBackwardBf16Test, RotatesEverySize) {
  expect_every_size();
}
TEST_P(RopeBackwardBf16Test, RotatesEveryLayout) {
  expect_every_layout();
}
TEST_P(RopeBackwardBf16Test, RotatesFromAnyAddress) {
  expect_any_address();
}
TEST_P(RopeBackwardBf16Test, RejectsBadArguments) {
  expect_bad_arguments_named();
}

WB_TEST_IMPLEMENTATIONS(RopeBackwardBf16Test, wb::RopeBackwardBf16);

}  // namespace
