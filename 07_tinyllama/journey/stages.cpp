#include "07_tinyllama/journey/stages.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "common/core/device_info.h"
#include "common/core/error.h"

namespace wb {
namespace {

constexpr auto kBrokenInit = Init::kBroken;
constexpr auto kFixedInit = Init::kFixed;
constexpr auto kStrided = KvLayout::kStridedView;
constexpr auto kContiguous = KvLayout::kContiguous;

// A beginner's kernels: an attention and a SwiGLU without tiles, which read every operand from memory where
// they need it. One warp per query takes four shuffles for two keys. On the CPU device a shuffle takes 32
// context switches, which would hide everything else, so a query has one thread there.
std::string_view beginners_kernels() {
  return device_is_cpu() ? "attention=thread_per_query,swiglu=naive"
                         : "attention=warp_per_query,swiglu=naive";
}

// The same attention, and library products with a fused SiLU*up in place of the naive SwiGLU.
std::string_view hybrid_kernels() {
  return device_is_cpu() ? "attention=thread_per_query,swiglu=solution"
                         : "attention=warp_per_query,swiglu=solution";
}

// Consecutive stages differ in one component (stage 1 to 2: init; 2 to 3: layout; 3 to 4: timer; 4 to 5:
// SwiGLU). V1 is the usual way to write a Llama from library calls: every matrix product is tuned, and
// nothing between is fused. Versions differ only in kernels: V2 fuses norms and SiLU, stage 5 (V3) stores no
// scores, and V4 has the attention that was measured as the fastest.
std::array<Stage, 8> make_stages() {
  const std::string_view by_hand = beginners_kernels();
  return {{
      {"v1", "baseline", kFixedInit, kContiguous, "synchronized",
       "swiglu=unfused,rmsnorm=unfused,attention=materialized"},
      {"v2", "fused", kFixedInit, kContiguous, "synchronized", "swiglu=solution,attention=materialized"},
      {"1", "broken loss", kBrokenInit, kStrided, "unsynchronized", by_hand},
      {"2", "slow", kFixedInit, kStrided, "unsynchronized", by_hand},
      {"3", "false timing", kFixedInit, kContiguous, "unsynchronized", by_hand},
      {"4", "true timing", kFixedInit, kContiguous, "synchronized", by_hand},
      {"5", "hybrid", kFixedInit, kContiguous, "synchronized", hybrid_kernels()},
      {"v4", "best attention", kFixedInit, kContiguous, "synchronized", "swiglu=solution", true},
  }};
}

const std::array<Stage, 8>& stages() {
  static const std::array<Stage, 8> table = make_stages();
  return table;
}

}  // namespace

std::span<const Stage> all_stages() {
  return stages();
}

const Stage& find_stage(std::string_view key) {
  std::string wanted(key);
  std::transform(wanted.begin(), wanted.end(), wanted.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (wanted == "0") wanted = "v1";
  if (wanted == "v3") wanted = "5";
  std::string known;
  for (const Stage& stage : stages()) {
    if (stage.key == wanted) return stage;
    known += (known.empty() ? "" : ", ") + std::string(stage.key);
  }
  throw Error("there is no stage '" + std::string(key) + "'; the stages are " + known);
}

std::string stage_name(const Stage& stage) {
  if (stage.key.starts_with('v')) return "V" + std::string(stage.key.substr(1));
  return "stage " + std::string(stage.key);
}

}  // namespace wb
