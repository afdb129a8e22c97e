// The fixtures of attention's tests: run one problem, compare it with the oracle, and look for a known
// mistake behind a failure.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "06_flash_attention/attention.h"
#include "06_flash_attention/testing/attention_cases.h"
#include "06_flash_attention/testing/attention_diagnosis.h"
#include "06_flash_attention/testing/attention_oracle.h"
#include "common/core/device_info.h"
#include "common/core/shared_memory.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"
#include "common/harness/sanitizer.h"

namespace wb {

inline constexpr Tolerance kForwardTolerance{2e-6, 4e-6};
inline constexpr Tolerance kBackwardTolerance{5e-6, 1e-5};
inline constexpr HeadsLayout kLayouts[] = {HeadsLayout::kTokenMajor, HeadsLayout::kHeadMajor,
                                           HeadsLayout::kFeatureMajor};

// The function of that name. A kernel of solutions/mutants is wrong in one direction only: the other is
// solution's.
template <class Contract>
typename Contract::Function* function_of(const std::string& name) {
  for (const auto& entry : implementations<Contract>()) {
    if (entry.name == name) return entry.function;
  }
  return find_implementation<Contract>("solution").function;
}

inline AttentionMemory memory_of(const std::string& name, const AttentionShape& shape) {
  return function_of<AttentionMemoryUse>(name)(shape);
}

// What it saves are the probabilities; of the others, the log-sum-exp.
inline bool stores_scores(const std::string& name) {
  return name.starts_with("materialized");
}

// Of two downloads of the same array: NaN is equal to itself.
inline bool same_bits(const std::vector<float>& x, const std::vector<float>& y) {
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
}

// The others walk over keys one by one.
inline bool has_tiles(const std::string& name) {
  return !name.ends_with("_per_query");
}

// Every problem that forward and backward are tried on: each varies one thing and keeps the rest small. On
// the CPU device one head does where several are alike. Under the inspector a width is tried with one mask,
// most lengths with the causal one, and of long sequences there are a narrow head's and a wide one's.
template <class Try>
void for_each_case(const std::string& implementation, Try try_case) {
  const HeadsLayout token = HeadsLayout::kTokenMajor;
  const int b = unless_inspected(2, 1), h = device_is_cpu() ? 1 : 2;
  for (const bool causal : {true, false}) {
    if (!causal && sanitizer() == "racecheck") continue;  // the same barriers, for minutes more
    const std::vector<int> lengths = {1, 2, 31, 32, 33, 64, 65, 100, 127, 130};
    const std::vector<int> few =
        causal ? std::vector{1, 2, 31, 32, 33, 64, 65, 130} : std::vector{1, 33, 65, 130};
    for (const int t : unless_inspected(lengths, few)) {
      try_case(llama_shape(b, t, h, 1, 16, causal), token);
    }
    const std::vector<int> widths = {1, 3, 4, 15, 16, 17, 32, 33, 64, 80, 81, 96, 100, 128};
    for (const int d : unless_inspected(widths, {1, 3, 4, 15, 16, 17, 33, 80, 100, 128})) {
      if (unless_inspected(true, causal == (d % 2 == 0)))
        try_case(llama_shape(1, unless_inspected(45, 33), h, 1, d, causal), token);
    }
    for (const int kv : {1, 2, 4}) {
      for (const HeadsLayout layout : kLayouts) {
        if (unless_inspected(true, causal == (layout == token))) {
          try_case(llama_shape(b, unless_inspected(37, 20), 4, kv, unless_inspected(20, 12), causal), layout);
        }
      }
    }
    // Rows are 16-byte aligned, heads of 6 are not made of packs of 4.
    try_case(llama_shape(1, 40, 2, 2, 6, causal), token);
    // Beyond 128 or 256 tokens a tile may be larger. Kernels without tiles do the same as at 130, for seconds
    // on the CPU device.
    if (device_is_cpu() && !has_tiles(implementation)) continue;
    if (!unless_inspected(true, causal)) continue;
    const int t = device_is_cpu() ? 259 : 289;
    const bool one_width = device_is_cpu() && !causal;  // twice the work of a causal one
    for (const int d : unless_inspected(one_width ? std::vector{16} : std::vector{16, 64, 80}, {16}))
      try_case(llama_shape(1, t, h, 1, d, causal), HeadsLayout::kHeadMajor);
  }
  if (device_is_cpu() && !has_tiles(implementation)) return;
  if (unless_inspected(true, false))
    try_case(llama_shape(1, 257, 1, 1, 32, true), HeadsLayout::kFeatureMajor);
  try_case(llama_shape(1, unless_inspected(device_is_cpu() ? 260 : 320, 70), 1, 1, 96, true), token);
  // The same kernel as for 96.
  if (!device_is_cpu()) try_case(llama_shape(1, 300, 1, 1, 128, true), token);
}

// Problems whose tiles an H200 would like larger than a block's shared memory is on a consumer card, 99 KiB,
// or on Turing, 64. Below that, a kernel may say that its smallest tiles do not fit. Without tiles it is the
// kernel that the inspector has seen already.
template <class Try>
void for_each_smaller_gpu(const std::string& implementation, Try try_case) {
  if (!unless_inspected(true, has_tiles(implementation))) return;
  struct Case {
    int kib, t, d;
  };
  const std::vector<Case> all = {{99, 130, 128}, {64, 260, 64}, {64, 130, 80}, {64, 130, 128}, {50, 40, 128}};
  std::vector<Case> inspected = {{99, 70, 128}, {64, 70, 128}, {50, 40, 128}};
  if (implementation != "starter") inspected.insert(inspected.end(), {{64, 70, 64}, {64, 70, 80}});
  for (const auto [kib, t, d] : unless_inspected(all, inspected)) {
    const SmallerSharedMemory gpu(kib * 1024);
    try {
      try_case(llama_shape(1, t, 1, 1, d, true));
    } catch (const Error& error) {
      EXPECT_LT(kib, 64) << error.what();
      const std::string available = "this GPU gives a block " + std::to_string(kib * 1024);
      EXPECT_PRED2(detail::contains, std::string(error.what()), available);
    }
  }
}

class AttentionForwardTest : public ImplementationTest<AttentionForward> {
 protected:
  AttentionMemory memory(const AttentionShape& shape) { return memory_of(implementation().name, shape); }

  // Runs one problem, with k and v stored in `layout`, and compares out with the oracle; what is saved as
  // well where `with_saved`.
  void try_case(const AttentionShape& shape, HeadsLayout layout, const AttentionInputs& in,
                Tolerance tolerance = kForwardTolerance, std::size_t misalign = 0, bool with_saved = true) {
    if (HasFailure()) return;  // one problem explains enough
    SCOPED_TRACE(describe(shape, layout));
    const AttentionOracle oracle =
        attention_oracle_forward(to_double(in.q), to_double(in.k), to_double(in.v), shape);
    auto q = HeadsTensor::input(in.q, HeadsLayout::kTokenMajor, shape, shape.h, misalign);
    auto k = HeadsTensor::input(in.k, layout, shape, shape.kv, misalign);
    auto v = HeadsTensor::input(in.v, layout, shape, shape.kv, misalign);
    auto out = HeadsTensor::output(HeadsLayout::kTokenMajor, shape, shape.h, misalign);
    auto saved = GuardedBuffer<float>::output(memory(shape).saved);

    run(q.view(), k.view(), v.view(), out.view(), saved.data(), shape, nullptr);

    EXPECT_TRUE(out.matches(oracle.out, tolerance)) << explain_attention(out.values(), in, shape);
    if (with_saved) check_saved(saved.download(), oracle, shape, tolerance);
    EXPECT_TRUE(q.check("q"));
    EXPECT_TRUE(k.check("k"));
    EXPECT_TRUE(v.check("v"));
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(saved.check("saved"));
  }

  // The same for a step of the lesson, which has not come to what is saved.
  void try_step(const AttentionShape& shape, const AttentionInputs& in,
                Tolerance tolerance = kForwardTolerance) {
    try_case(shape, HeadsLayout::kTokenMajor, in, tolerance, 0, false);
  }

 private:
  void check_saved(const std::vector<float>& saved, const AttentionOracle& oracle,
                   const AttentionShape& shape, Tolerance tolerance) {
    if (stores_scores(implementation().name)) {
      EXPECT_TRUE(matches(saved, oracle.probabilities, tolerance, {{shape.b, shape.h, shape.t, shape.t}}))
          << "the probabilities";
    } else {
      EXPECT_TRUE(matches(saved, oracle.lse, tolerance, {{shape.b, shape.h, shape.t}})) << "the log-sum-exp";
    }
  }
};

// Which gradients a step of the lesson has come to.
enum class Gradients { kV, kQ, kK, kAll };

class AttentionBackwardTest : public ImplementationTest<AttentionBackward> {
 protected:
  // Runs forward, then backward, with k and v and their gradients stored in `layout`.
  AttentionOracleGradients run_case(const AttentionShape& shape, HeadsLayout layout,
                                    const AttentionInputs& in, Tolerance tolerance = kBackwardTolerance,
                                    Gradients which = Gradients::kAll) {
    if (HasFailure()) return {};  // one problem explains enough
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

    function_of<AttentionForward>(implementation().name)(q.view(), k.view(), v.view(), out.view(),
                                                         saved.data(), shape, nullptr);
    const std::vector<float> saved_before = saved.download();
    const std::vector<float> out_before = out.values();
    run(dout.view(), q.view(), k.view(), v.view(), out.view(), saved.data(), dq.view(), dk.view(), dv.view(),
        scratch.data(), shape, nullptr);

    const AttentionOracleGradients oracle = attention_oracle_backward(
        to_double(in.dout), to_double(in.q), to_double(in.k), to_double(in.v), shape);
    const bool all = which == Gradients::kAll;
    if (all || which == Gradients::kQ) {
      EXPECT_TRUE(dq.matches(oracle.dq, tolerance)) << "dq";
    }
    if (all || which == Gradients::kK) {
      EXPECT_TRUE(dk.matches(oracle.dk, tolerance)) << "dk";
    }
    if (all || which == Gradients::kV) {
      EXPECT_TRUE(dv.matches(oracle.dv, tolerance)) << "dv";
    }
    if (HasFailure()) {
      const std::string cause = explain_attention_gradients(dq.values(), dk.values(), dv.values(), in, shape);
      if (!cause.empty()) ADD_FAILURE() << cause;
    }
    EXPECT_TRUE(same_bits(saved.download(), saved_before)) << "backward changed what forward saved";
    EXPECT_TRUE(same_bits(out.values(), out_before)) << "backward changed out";
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

}  // namespace wb
