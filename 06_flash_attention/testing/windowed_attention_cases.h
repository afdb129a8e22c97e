// For tests of windowed attention: problems, their inputs, and what launchers have to refuse.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "06_flash_attention/testing/attention_oracle.h"
#include "06_flash_attention/testing/windowed_attention_oracle.h"
#include "common/core/device_info.h"
#include "common/core/shared_memory.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"

namespace wb {

inline constexpr double kNearBase = 100.0, kFarBase = 30000.0;
inline constexpr int kWide = 1000000;  // wider than any sequence here

struct Sizes {
  int b, t, h, kv, d;
};

inline WindowedAttentionCase make_case(const Sizes& sizes, bool causal, int window, int band) {
  const auto [b, t, h, kv, d] = sizes;
  return {{b, t, h, kv, d, causal, 1.0f / std::sqrt(static_cast<float>(d))},
          window,
          band,
          make_rope_table(t, d, kNearBase),
          make_rope_table(t, d, kFarBase)};
}

inline std::string describe(const WindowedAttentionCase& c) {
  const WindowedAttentionShape& s = c.shape;
  return "B " + std::to_string(s.b) + ", T " + std::to_string(s.t) + ", H " + std::to_string(s.h) + ", K " +
         std::to_string(s.kv) + ", D " + std::to_string(s.d) + (s.causal ? ", causal" : ", full") +
         ", window " + std::to_string(c.window) + ", band " + std::to_string(c.band);
}

/// Host values of one problem, all token-major.
struct WindowedInputs {
  std::vector<float> dout, q, k, v;
};

inline WindowedInputs random_windowed_inputs(const WindowedAttentionShape& shape) {
  const auto tokens = static_cast<std::size_t>(shape.b) * static_cast<std::size_t>(shape.t);
  const std::size_t queries = tokens * static_cast<std::size_t>(shape.h * shape.d);
  const std::size_t keys = tokens * static_cast<std::size_t>(shape.kv * shape.d);
  return {random_normal(queries, 4), random_normal(queries, 1), random_normal(keys, 2),
          random_normal(keys, 3)};
}

/// Both tables on the device.
struct RopeOnDevice {
  RopeOnDevice(const WindowedAttentionCase& c, std::size_t misalign)
      : near_cosine(GuardedBuffer<float>::input(c.near.cosine, misalign)),
        near_sine(GuardedBuffer<float>::input(c.near.sine, misalign)),
        far_cosine(GuardedBuffer<float>::input(c.far.cosine, misalign)),
        far_sine(GuardedBuffer<float>::input(c.far.sine, misalign)),
        rope{near_cosine.data(), near_sine.data(), far_cosine.data(), far_sine.data(), c.window, c.band} {}

  void check() const {
    EXPECT_TRUE(near_cosine.check("near_cosine"));
    EXPECT_TRUE(near_sine.check("near_sine"));
    EXPECT_TRUE(far_cosine.check("far_cosine"));
    EXPECT_TRUE(far_sine.check("far_sine"));
  }

  GuardedBuffer<float> near_cosine, near_sine, far_cosine, far_sine;
  BlendedRope rope;
};

/// Every problem that forward and backward are tried on: each varies one thing and keeps the rest small.
/// Under the inspector sequences are shorter, one sequence does where several are alike, and of what does not
/// touch the mask, every other problem is causal.
template <class Try>
void for_each_case(Try try_case) {
  struct Blend {
    int window, band;
  };
  const auto has_turn = [](int i, bool causal) { return unless_inspected(true, causal == (i % 2 == 0)); };
  for (const bool causal : {true, false}) {
    int i = 0;
    for (const auto [window, band] :
         {Blend{0, 0}, {0, 1}, {1, 0}, {7, 5}, {31, 2}, {20, 40}, {0, kWide}, {63, 64}}) {
      const int long_enough = unless_inspected(100, window < 63 ? 45 : 70);  // for pairs beyond each window
      if (has_turn(i++, causal)) try_case(make_case({1, long_enough, 1, 1, 8}, causal, window, band));
    }
    const std::vector<int> lengths = {1, 2, 31, 32, 33, 63, 64, 65, 127, 129};
    for (const int t : unless_inspected(lengths, {1, 31, 32, 33, 65})) {
      try_case(make_case({unless_inspected(2, 1), t, 1, 1, 6}, causal, 10, 12));
    }
    const std::vector<int> widths = {2, 4, 10, 16, 18, 32, 34, 64, 66, 80, 96, 128};
    for (const int d : unless_inspected(widths, {2, 10, 16, 18, 34, 66, 80, 128})) {
      if (has_turn(i++, causal)) try_case(make_case({1, unless_inspected(45, 33), 1, 1, d}, causal, 9, 8));
    }
    for (const int kv : {1, 2, 4}) {
      if (has_turn(i++, causal))
        try_case(make_case({unless_inspected(2, 1), unless_inspected(37, 20), 4, kv, 8}, causal, 5, 10));
    }
  }
  // Far, blended and near tiles in one row of them, at every width that kernels are made for. The wide kernel
  // under the inspector has all three from key 64 on.
  const int t = unless_inspected(device_is_cpu() ? 130 : 200, 120), h = unless_inspected(2, 1);
  for (const int d : unless_inspected(std::vector{32, 64, 80, 128}, {16}))
    try_case(make_case({1, t, h, 1, d}, d != 64, 40, 30));
  if (unless_inspected(false, true)) try_case(make_case({1, 80, 1, 1, 128}, true, 31, 2));
  const int most = std::numeric_limits<int>::max();
  try_case(make_case({1, 40, 1, 1, 8}, false, most, most));
  try_case(make_case({1, 40, 1, 1, 8}, false, 3, most));
}

/// Tries wide heads on GPUs with less shared memory. All that a kernel may do where it is too
/// little even for its smallest tiles is to say so, and on 99 KiB it may not. An inspected starter has one
/// kernel for all of these widths.
template <class Try>
void for_each_smaller_gpu(const std::string& implementation, Try try_case) {
  struct Case {
    int kib, d;
  };
  const std::vector<Case> all = {{99, 128}, {64, 64}, {64, 80}, {64, 128}};
  const std::vector<Case> inspected = {{99, 128}, {64, 128}};
  for (const auto [kib, d] : implementation == "starter" ? unless_inspected(all, inspected) : all) {
    const SmallerSharedMemory gpu(kib * 1024);
    try {
      try_case(make_case({1, 70, 1, 1, d}, true, 20, 30));
    } catch (const Error& error) {
      EXPECT_EQ(kib, 64) << error.what();
      const std::string available = "this GPU gives a block " + std::to_string(kib * 1024);
      EXPECT_PRED2(detail::contains, std::string(error.what()), available);
    }
  }
}

/// Chapter 05 and plain attention, one after the other.
inline std::vector<double> rotate_then_attend(const WindowedAttentionCase& c, const RopeTable& table,
                                              const WindowedInputs& in) {
  const auto& [b, t, h, kv, d, causal, scale] = c.shape;
  const auto q = rope_oracle(to_double(in.q), {b, t, h, d}, table, RopePairing::kHalfSplit, 1.0);
  const auto k = rope_oracle(to_double(in.k), {b, t, kv, d}, table, RopePairing::kHalfSplit, 1.0);
  AttentionShape plain;
  plain.b = b;
  plain.t = t;
  plain.h = h;
  plain.kv = kv;
  plain.d = d;
  plain.causal = causal;
  plain.scale = scale;
  return attention_oracle_forward(q, k, to_double(in.v), plain).out;
}

/// `data`, or a null or misaligned stand-in for argument `i`.
inline float* pointer_for(float* data, int i, int null, int misaligned) {
  if (i == null) return nullptr;
  return i == misaligned ? reinterpret_cast<float*>(reinterpret_cast<char*>(data) + 1) : data;
}

/// What both launchers refuse; call(shape, rope, null argument or -1, misaligned argument or -1).
template <class Call>
void expect_refusals(Call call, const std::vector<const char*>& pointers) {
  const WindowedAttentionShape good{1, 8, 4, 2, 16, true, 0.25f};
  DeviceBuffer<float> memory(std::size_t{4096});
  memory.fill_bytes(0xFF);
  const float* table = memory.data();
  const BlendedRope rope{table, table, table, table, 2, 2};
  const auto refuses = [&](auto change, const std::string& message) {
    WindowedAttentionShape shape = good;
    BlendedRope changed = rope;
    change(shape, changed);
    EXPECT_THROW_MESSAGE(call(memory.data(), shape, changed, -1, -1), Error, message);
  };
  using S = WindowedAttentionShape;
  using R = BlendedRope;
  const int most = std::numeric_limits<int>::max();
  for (const int bad : {0, -1}) {
    const std::string value = " = " + std::to_string(bad);
    refuses([=](S& s, R&) { s.b = bad; }, "shape.b" + value);
    refuses([=](S& s, R&) { s.t = bad; }, "shape.t" + value);
    refuses([=](S& s, R&) { s.h = bad; }, "shape.h" + value);
    refuses([=](S& s, R&) { s.kv = bad; }, "shape.kv" + value);
    refuses([=](S& s, R&) { s.d = bad; }, "shape.d" + value);
  }
  refuses([](S& s, R&) { s.kv = 3; }, "shape.h = 4");
  refuses([](S& s, R&) { s.kv = 8; }, "shape.h = 4");
  refuses([](S& s, R&) { s.d = 15; }, "shape.d = 15");
  refuses([](S& s, R&) { s.d = kMaxWindowedHeadWidth + 2; }, "shape.d = 130");
  refuses([](S& s, R&) { s.scale = NAN; }, "shape.scale = nan");
  refuses([](S& s, R&) { s.scale = INFINITY; }, "shape.scale = inf");
  refuses([](S& s, R&) { s.b = s.t = 100000; }, "rows = 40000000000");
  refuses([=](S& s, R&) { s.b = s.t = s.h = s.kv = most; }, "heads = 4611686014132420609");
  refuses([](S&, R& r) { r.window = -1; }, "rope.window = -1");
  refuses([](S&, R& r) { r.band = -2; }, "rope.band = -2");
  const float* const odd = pointer_for(memory.data(), 0, -1, 0);
  const auto refuses_table = [&](const float* R::*table, const std::string& name) {
    refuses([=](S&, R& r) { r.*table = nullptr; }, name + " = 0");
    refuses([=](S&, R& r) { r.*table = odd; }, "is_aligned(" + name + ")");
  };
  refuses_table(&R::near_cosine, "rope.near_cosine");
  refuses_table(&R::near_sine, "rope.near_sine");
  refuses_table(&R::far_cosine, "rope.far_cosine");
  refuses_table(&R::far_sine, "rope.far_sine");
  for (int argument = 0; argument < static_cast<int>(pointers.size()); ++argument) {
    const std::string name = pointers[static_cast<std::size_t>(argument)];
    EXPECT_THROW_MESSAGE(call(memory.data(), good, rope, argument, -1), Error, name + " = 0");
    EXPECT_THROW_MESSAGE(call(memory.data(), good, rope, -1, argument), Error, "is_aligned(" + name + ")");
  }
  for (const float value : memory.download()) ASSERT_TRUE(std::isnan(value)) << "something was launched";
}

}  // namespace wb
