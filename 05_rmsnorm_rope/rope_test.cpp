// Tests of rope and its gradient, in the order in which one would make them pass.
#include "05_rmsnorm_rope/rope.h"

#include <cmath>
#include <numeric>

#include "05_rmsnorm_rope/testing/heads_layouts.h"
#include "05_rmsnorm_rope/testing/rope_diagnosis.h"
#include "05_rmsnorm_rope/testing/rope_oracle.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"

namespace {

using wb::GuardedBuffer;
using wb::HeadsLayout;
using wb::HeadsShape;
using wb::RopePairing;

constexpr float kGap = 12345.0f;  // between the elements of a view
constexpr RopePairing kPairings[] = {RopePairing::kHalfSplit, RopePairing::kInterleaved};
// Two products and a sum of numbers of the order of 1.
constexpr wb::Tolerance kTolerance{6e-7, 1e-6};

const char* name_of(RopePairing pairing) {
  return pairing == RopePairing::kHalfSplit ? "half-split" : "interleaved";
}

struct Sizes {
  int b, t, h, k, d;
};

// Queries or keys on the device, in some layout.
struct Heads {
  Heads(HeadsLayout heads_layout, const HeadsShape& heads_shape, std::uint64_t seed)
      : layout(heads_layout),
        shape(heads_shape),
        before(wb::random_normal(shape.size(), seed)),
        storage(GuardedBuffer<float>::inout(wb::to_storage(layout, shape, before, kGap))) {}

  wb::HeadsView<float> view() { return wb::make_view(layout, storage.data(), shape); }
  std::vector<float> values() const { return wb::from_storage(layout, shape, storage.download()); }
  wb::Shape dims() const { return {{shape.b, shape.t, shape.heads, shape.d}, 0, before}; }

  void expect(const std::vector<double>& expected, const char* name, const std::string& cause = "") const {
    EXPECT_TRUE(wb::matches(values(), expected, kTolerance, dims())) << name << "\n" << cause;
    EXPECT_EQ(wb::changed_gaps(layout, shape, storage.download(), kGap), 0u)
        << name << ": the kernel wrote between the elements of the view";
    EXPECT_TRUE(storage.check(name));
  }

  HeadsLayout layout;
  HeadsShape shape;
  std::vector<float> before;
  GuardedBuffer<float> storage;
};

// Forward and backward differ in the direction only.
template <class Contract>
class RopeTest : public wb::ImplementationTest<Contract> {
 protected:
  static constexpr double kDirection = std::is_same_v<Contract, wb::RopeForward> ? 1.0 : -1.0;

  void expect_rotation(const Sizes& sizes, RopePairing pairing,
                       HeadsLayout layout_q = HeadsLayout::kTokenMajor,
                       HeadsLayout layout_k = HeadsLayout::kTokenMajor, bool with_keys = true) {
    if (this->HasFailure()) return;  // one case explains enough
    const auto [b, t, h, k, d] = sizes;
    SCOPED_TRACE(std::string(name_of(pairing)) + ", q " + wb::name_of(layout_q) + ", k " +
                 wb::name_of(layout_k) + ", b = " + std::to_string(b) + ", t = " + std::to_string(t) +
                 ", heads " + std::to_string(h) + " and " + std::to_string(k) + ", d = " + std::to_string(d));
    const wb::RopeTable table = wb::make_rope_table(t, d);
    auto cosine = GuardedBuffer<float>::input(table.cosine), sine = GuardedBuffer<float>::input(table.sine);
    Heads queries(layout_q, {b, t, h, d}, 1), keys(layout_k, {b, t, k, d}, 2);
    this->run(queries.view(), keys.view(), cosine.data(), sine.data(), b, t, d, pairing, nullptr);
    expect_turned(queries, "q", table, pairing);
    if (with_keys) expect_turned(keys, "k", table, pairing);
    EXPECT_TRUE(cosine.check("cosine"));
    EXPECT_TRUE(sine.check("sine"));
  }

  static void expect_turned(const Heads& heads, const char* name, const wb::RopeTable& table,
                            RopePairing pairing) {
    const std::vector<double> before = wb::to_double(heads.before);
    heads.expect(wb::rope_oracle(before, heads.shape, table, pairing, kDirection), name,
                 wb::explain_rope(heads.values(), before, heads.shape, table, pairing, kDirection));
  }

  void expect_every_size() {
    for (const RopePairing pairing : kPairings) {
      for (const int t : wb::edge_sizes()) expect_rotation({1, t, 2, 1, 6}, pairing);
      for (const int d : {2, 4, 6, 30, 32, 62, 64, 66, 96, 128, 254, 256}) {
        expect_rotation({2, 5, 3, 2, d}, pairing);
      }
      for (const int d : {520, 2050}) expect_rotation({1, 2, 1, 1, d}, pairing);  // 260 and 1025 pairs
      for (const int heads : {1, 2, 7, 32, 33}) expect_rotation({2, 3, heads, 1, 64}, pairing);
      for (const int heads : {1, 2, 7, 32}) expect_rotation({3, 3, 1, heads, 10}, pairing);
    }
  }

  void expect_every_layout() {
    for (const RopePairing pairing : kPairings) {
      for (const HeadsLayout layout_q : wb::kHeadsLayouts) {
        for (const HeadsLayout layout_k : wb::kHeadsLayouts) {
          expect_rotation({2, 37, 4, 2, 16}, pairing, layout_q, layout_k);
        }
      }
    }
  }

  // Five tokens, as far apart as a view's strides may put them: the last lies past element 2^31. On the CPU
  // device it lies at 2^32, which 32 bits take for the first.
  void expect_far_tokens() {
    constexpr int kT = 5, kHeads = 2, kD = 64, kRow = kHeads * kD;
    const std::int64_t stride = wb::far_elements() / (kT - 1), last = (kT - 1) * stride;
    const auto floats = static_cast<std::size_t>(last + kRow);
    if (const std::string why = wb::no_far_operands(floats, this->implementation().name); !why.empty()) {
      GTEST_SKIP() << why;
    }
    const wb::RopeTable table = wb::make_rope_table(kT, kD);
    wb::DeviceBuffer<float> cosine(table.cosine), sine(table.sine), keys(wb::random_normal(kT * kD, 3));
    for (const RopePairing pairing : kPairings) {
      SCOPED_TRACE(name_of(pairing));
      const wb::FarOperand q(floats);
      const std::vector<float> before = wb::random_normal(kRow, 1);
      WB_CUDA_CHECK(cudaMemcpy(q.data() + last, before.data(), kRow * sizeof(float), cudaMemcpyHostToDevice));
      WB_CUDA_CHECK(cudaMemcpy(q.data(), before.data(), kRow * sizeof(float), cudaMemcpyHostToDevice));
      wb::run_far(last, [&] {
        this->run(wb::HeadsView<float>{q.data(), kHeads, kT * stride, stride, kD, 1},
                  wb::token_major_view(keys.data(), kT, 1, kD), cosine.data(), sine.data(), 1, kT, kD,
                  pairing, nullptr);
      });
      std::vector<float> tokens(kT * kRow);  // the first and the last count
      for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = before[i % kRow];
      const auto turned =
          wb::rope_oracle(wb::to_double(tokens), {1, kT, kHeads, kD}, table, pairing, kDirection);
      const std::vector<double> expected(turned.end() - kRow, turned.end());
      std::vector<float> first(kRow), got(kRow);
      WB_CUDA_CHECK(cudaMemcpy(first.data(), q.data(), kRow * sizeof(float), cudaMemcpyDeviceToHost));
      WB_CUDA_CHECK(cudaMemcpy(got.data(), q.data() + last, kRow * sizeof(float), cudaMemcpyDeviceToHost));
      EXPECT_TRUE(wb::matches(got, expected, kTolerance, {{1, 1, kHeads, kD}, 0, before}))
          << (wb::looks_like(first, expected) ? wb::explain_wrapped(last)
                                              : "\n  the last token lies at element " + std::to_string(last));
    }
  }

  // What does not start at a multiple of 16 bytes is legal, and must not be loaded 16 bytes at a time.
  void expect_any_address() {
    constexpr int kT = 5, kD = 64;
    const wb::RopeTable table = wb::make_rope_table(kT, kD);
    const std::vector<float> values = wb::random_normal(kT * kD, 1);
    for (const RopePairing pairing : kPairings) {
      const auto expected =
          wb::rope_oracle(wb::to_double(values), {1, kT, 1, kD}, table, pairing, kDirection);
      for (int which = 0; which < 4; ++which) {
        SCOPED_TRACE(std::string(name_of(pairing)) + ", argument " + std::to_string(which));
        const auto misalign = [&](int argument) { return static_cast<std::size_t>(which == argument); };
        auto q = GuardedBuffer<float>::inout(values, misalign(0));
        auto k = GuardedBuffer<float>::inout(values, misalign(1));
        auto cosine = GuardedBuffer<float>::input(table.cosine, misalign(2));
        auto sine = GuardedBuffer<float>::input(table.sine, misalign(3));
        this->run(wb::token_major_view(q.data(), kT, 1, kD), wb::token_major_view(k.data(), kT, 1, kD),
                  cosine.data(), sine.data(), 1, kT, kD, pairing, nullptr);
        EXPECT_TRUE(wb::matches(q.download(), expected, kTolerance, {{kT, kD}})) << "q";
        EXPECT_TRUE(wb::matches(k.download(), expected, kTolerance, {{kT, kD}})) << "k";
        EXPECT_TRUE(q.check("q"));
        EXPECT_TRUE(k.check("k"));
      }
    }
  }

  void expect_bad_arguments_named() {
    wb::DeviceBuffer<float> buffer(wb::random_uniform(64, 1));
    float* x = buffer.data();
    const auto rotate = [&](float* q, int h, float* k, int heads_k, const float* cosine, const float* sine,
                            int b, int t, int d) {
      this->run(wb::token_major_view(q, 2, h, 4), wb::token_major_view(k, 2, heads_k, 4), cosine, sine, b, t,
                d, RopePairing::kHalfSplit, nullptr);
    };
    EXPECT_THROW_MESSAGE(rotate(nullptr, 1, x, 1, x, x, 1, 2, 4), wb::Error, "q.data = 0");
    EXPECT_THROW_MESSAGE(rotate(x, 1, nullptr, 1, x, x, 1, 2, 4), wb::Error, "k.data = 0");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, 1, nullptr, x, 1, 2, 4), wb::Error, "cosine = 0");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, 1, x, nullptr, 1, 2, 4), wb::Error, "sine = 0");
    float* const askew = wb::misaligned(x);
    EXPECT_THROW_MESSAGE(rotate(askew, 1, x, 1, x, x, 1, 2, 4), wb::Error, "is_aligned(q.data)");
    EXPECT_THROW_MESSAGE(rotate(x, 1, askew, 1, x, x, 1, 2, 4), wb::Error, "is_aligned(k.data)");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, 1, askew, x, 1, 2, 4), wb::Error, "is_aligned(cosine)");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, 1, x, askew, 1, 2, 4), wb::Error, "is_aligned(sine)");
    EXPECT_THROW_MESSAGE(rotate(x, 0, x, 1, x, x, 1, 2, 4), wb::Error, "q.heads = 0");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, -1, x, x, 1, 2, 4), wb::Error, "k.heads = -1");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, 1, x, x, 0, 2, 4), wb::Error, "b = 0");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, 1, x, x, 1, -2, 4), wb::Error, "t = -2");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, 1, x, x, 1, 2, 3), wb::Error, "d = 3");
    EXPECT_THROW_MESSAGE(rotate(x, 1, x, 1, x, x, 1, 2, 0), wb::Error, "d = 0");
    const auto view = wb::token_major_view(x, 2, 1, 4);
    EXPECT_THROW_MESSAGE(this->run(view, view, x, x, 1, 2, 4, static_cast<RopePairing>(5), nullptr),
                         wb::Error, "pairing) = 5");
  }
};

class RopeForwardTest : public RopeTest<wb::RopeForward> {};

TEST_P(RopeForwardTest, RotatesQueries) {
  expect_rotation({1, 8, 2, 2, 8}, RopePairing::kHalfSplit, HeadsLayout::kTokenMajor,
                  HeadsLayout::kTokenMajor, false);
}

TEST_P(RopeForwardTest, RotatesKeysInTheSameLaunch) {
  expect_rotation({1, 8, 2, 2, 8}, RopePairing::kHalfSplit);
}

TEST_P(RopeForwardTest, RotatesNeighbors) {
  expect_rotation({1, 8, 2, 2, 8}, RopePairing::kInterleaved);
}

TEST_P(RopeForwardTest, RotatesEverySequenceAlike) {
  expect_rotation({3, 8, 2, 1, 8}, RopePairing::kHalfSplit);
}

TEST_P(RopeForwardTest, RotatesEverySize) {
  expect_every_size();
}

TEST_P(RopeForwardTest, RotatesEveryLayout) {
  expect_every_layout();
}

TEST_P(RopeForwardTest, RotatesFromAnyAddress) {
  expect_any_address();
}

TEST_P(RopeForwardTest, LeavesPositionZeroAlone) {
  const wb::RopeTable table = wb::make_rope_table(1, 64);
  const wb::DeviceBuffer<float> cosine(table.cosine), sine(table.sine);
  Heads queries(HeadsLayout::kTokenMajor, {3, 1, 4, 64}, 1), keys(HeadsLayout::kTokenMajor, {3, 1, 2, 64}, 2);
  run(queries.view(), keys.view(), cosine.data(), sine.data(), 3, 1, 64, RopePairing::kHalfSplit, nullptr);
  EXPECT_EQ(queries.values(), queries.before);
  EXPECT_EQ(keys.values(), keys.before);
}

// What the embedding is for: the same query and key at every position, and their dot product depends on how
// far apart they are, not on where.
TEST_P(RopeForwardTest, DotProductsDependOnDistanceOnly) {
  constexpr int kT = 300, kD = 32;
  const wb::RopeTable table = wb::make_rope_table(kT, kD);
  const wb::DeviceBuffer<float> cosine(table.cosine), sine(table.sine);
  const std::vector<float> query = wb::random_normal(kD, 1), key = wb::random_normal(kD, 2);
  std::vector<float> queries, keys;
  for (int t = 0; t < kT; ++t) {
    queries.insert(queries.end(), query.begin(), query.end());
    keys.insert(keys.end(), key.begin(), key.end());
  }
  for (const RopePairing pairing : kPairings) {
    wb::DeviceBuffer<float> q(queries), k(keys);
    run(wb::token_major_view(q.data(), kT, 1, kD), wb::token_major_view(k.data(), kT, 1, kD), cosine.data(),
        sine.data(), 1, kT, kD, pairing, nullptr);
    const std::vector<float> rotated_q = q.download(), rotated_k = k.download();
    const auto dot = [&](int t, int s) {
      const auto from = rotated_q.begin() + t * kD;
      return std::inner_product(from, from + kD, rotated_k.begin() + s * kD, 0.0);
    };
    for (const int distance : {0, 1, 7, 100, 255}) {
      for (int s = 0; s + distance < kT; s += 11) {
        ASSERT_NEAR(dot(s + distance, s), dot(distance, 0), 2e-5) << name_of(pairing) << ", " << distance;
      }
    }
    EXPECT_GT(std::abs(dot(7, 0) - dot(0, 0)), 0.1) << "nothing was rotated";
  }
}

TEST_P(RopeForwardTest, CountsPastTwoToThe31) {
  expect_far_tokens();
}

TEST_P(RopeForwardTest, RejectsBadArguments) {
  expect_bad_arguments_named();
}

WB_TEST_IMPLEMENTATIONS(RopeForwardTest, wb::RopeForward);

class RopeBackwardTest : public RopeTest<wb::RopeBackward> {};

TEST_P(RopeBackwardTest, RotatesBack) {
  expect_rotation({1, 8, 2, 2, 8}, RopePairing::kHalfSplit);
}

TEST_P(RopeBackwardTest, RotatesEverySize) {
  expect_every_size();
}

TEST_P(RopeBackwardTest, RotatesEveryLayout) {
  expect_every_layout();
}

TEST_P(RopeBackwardTest, RotatesFromAnyAddress) {
  expect_any_address();
}

TEST_P(RopeBackwardTest, CountsPastTwoToThe31) {
  expect_far_tokens();
}

TEST_P(RopeBackwardTest, UndoesForward) {
  constexpr int kB = 2, kT = 65, kD = 64;
  const wb::RopeTable table = wb::make_rope_table(kT, kD);
  const wb::DeviceBuffer<float> cosine(table.cosine), sine(table.sine);
  const auto forwards = wb::implementations<wb::RopeForward>();  // a starter is linked without the solution
  const bool alone = forwards.size() == 1;
  const auto forward =
      alone ? forwards.front().function : wb::find_implementation<wb::RopeForward>("solution").function;
  for (const RopePairing pairing : kPairings) {
    Heads q(HeadsLayout::kTokenMajor, {kB, kT, 4, kD}, 1), k(HeadsLayout::kFeatureMajor, {kB, kT, 2, kD}, 2);
    forward(q.view(), k.view(), cosine.data(), sine.data(), kB, kT, kD, pairing, nullptr);
    run(q.view(), k.view(), cosine.data(), sine.data(), kB, kT, kD, pairing, nullptr);
    q.expect(wb::to_double(q.before), "q");
    k.expect(wb::to_double(k.before), "k");
  }
}

TEST_P(RopeBackwardTest, RejectsBadArguments) {
  expect_bad_arguments_named();
}

WB_TEST_IMPLEMENTATIONS(RopeBackwardTest, wb::RopeBackward);

// f(x) = sum of rotated x times fixed weights: the weights are its upstream gradient.
TEST(RopeOracle, GradientMatchesCentralDifferences) {
  const HeadsShape shape{2, 5, 2, 6};
  const wb::RopeTable table = wb::make_rope_table(shape.t, shape.d);
  const std::vector<double> x = wb::to_double(wb::random_normal(shape.size(), 1));
  const std::vector<double> dy = wb::to_double(wb::random_normal(shape.size(), 2));
  for (const RopePairing pairing : kPairings) {
    const auto f = [&](std::span<const double> at) {
      const std::vector<double> y = wb::rope_oracle(at, shape, table, pairing, 1.0);
      return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
    };
    // The table is rounded to float: cosine^2 + sine^2 is not exactly 1, but transposing is exact.
    EXPECT_TRUE(wb::gradient_matches(f, x, wb::rope_oracle(dy, shape, table, pairing, -1.0), {1e-9, 1e-7}));
  }
}

// Reference values from 40-digit arithmetic.
TEST(RopeTable, HoldsCosinesAndSines) {
  struct Entry {
    int t, pair, d;
    double base, cosine, sine;
  };
  const Entry entries[] = {{1, 0, 64, 1e4, 0.540302305868, 0.841470984808},
                           {77, 3, 8, 1e4, 0.997036964421, 0.07692393372},
                           {2047, 5, 64, 1e4, -0.0441182446654, 0.999026316214},
                           {100000, 3, 8, 1e4, 0.862318872288, -0.50636564111},
                           {131071, 1, 8, 5e5, -0.995123905555, 0.0986327156354}};
  for (const Entry& entry : entries) {
    const wb::RopeTable table = wb::make_rope_table(entry.t + 1, entry.d, entry.base);
    const std::size_t pairs = static_cast<std::size_t>(entry.d) / 2;
    ASSERT_EQ(table.cosine.size(), static_cast<std::size_t>(entry.t + 1) * pairs);
    ASSERT_EQ(table.sine.size(), table.cosine.size());
    const std::size_t index =
        static_cast<std::size_t>(entry.t) * pairs + static_cast<std::size_t>(entry.pair);
    EXPECT_NEAR(table.cosine[index], entry.cosine, 6e-8) << "position " << entry.t;
    EXPECT_NEAR(table.sine[index], entry.sine, 6e-8) << "position " << entry.t;
    EXPECT_EQ(table.cosine[0], 1.0f);
    EXPECT_EQ(table.sine[0], 0.0f);
  }
}

TEST(RopeTable, RejectsBadArguments) {
  EXPECT_THROW_MESSAGE(wb::make_rope_table(0, 4), wb::Error, "t = 0");
  EXPECT_THROW_MESSAGE(wb::make_rope_table(4, 3), wb::Error, "d = 3");
  EXPECT_THROW_MESSAGE(wb::make_rope_table(4, 0), wb::Error, "d = 0");
  EXPECT_THROW_MESSAGE(wb::make_rope_table(4, 4, -1.0), wb::Error, "base = -1");
  EXPECT_THROW_MESSAGE(wb::make_rope_table(4, 4, 0.0), wb::Error, "base = 0");
  EXPECT_THROW_MESSAGE(wb::make_rope_table(4, 4, std::nan("")), wb::Error, "base = nan");
}

}  // namespace
