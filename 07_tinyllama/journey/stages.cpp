#include "07_tinyllama/journey/stages.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "common/core/check.h"

namespace wb {
namespace {

constexpr auto kBrokenInit = Init::kBroken;
constexpr auto kFixedInit = Init::kFixed;
constexpr auto kStrided = KvLayout::kStridedView;
constexpr auto kContiguous = KvLayout::kContiguous;

// Neighbouring stages differ in one component (stage 1 to 2: init; 2 to 3: layout; 3 to 4: timer; 4 to 5:
// SwiGLU). V1 is the usual way to write a Llama from library calls: every matrix product tuned, everything
// between unfused.
constexpr std::array<Stage, 6> kStages = {{
    {"v1", "baseline", kFixedInit, kContiguous, "synchronised",
     "swiglu=unfused,rmsnorm=unfused,attention=materialised"},
    {"1", "broken loss", kBrokenInit, kStrided, "unsynchronised", "swiglu=naive"},
    {"2", "slow", kFixedInit, kStrided, "unsynchronised", "swiglu=naive"},
    {"3", "false timing", kFixedInit, kContiguous, "unsynchronised", "swiglu=naive"},
    {"4", "true timing", kFixedInit, kContiguous, "synchronised", "swiglu=naive"},
    {"5", "hybrid", kFixedInit, kContiguous, "synchronised", "swiglu=solution"},
}};

}  // namespace

std::span<const Stage> all_stages() {
  return kStages;
}

const Stage& find_stage(std::string_view key) {
  std::string wanted(key);
  std::transform(wanted.begin(), wanted.end(), wanted.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (wanted == "0") wanted = "v1";
  std::string known;
  for (const Stage& stage : kStages) {
    if (stage.key == wanted) return stage;
    known += (known.empty() ? "" : ", ") + std::string(stage.key);
  }
  throw Error("there is no stage '" + std::string(key) + "'; the stages are " + known);
}

std::string stage_name(const Stage& stage) {
  return stage.key == "v1" ? "V1" : "stage " + std::string(stage.key);
}

}  // namespace wb
