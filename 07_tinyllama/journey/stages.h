// The stage table: a training run, and what is wrong with it. Data, not code.
//
// Four components make a stage. Each is a file of its own: trainer/init.h, trainer/kv_layout.h, the SwiGLU
// kernels one folder up, and the step timers here.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "07_tinyllama/trainer/init.h"
#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

struct Stage {
  std::string_view key;    // as --stage takes it: "v1", "1", ...
  std::string_view title;  // what is wrong, or what was mended
  Init init;
  KvLayout kv_layout;
  std::string_view timer;          // an implementation of StepTimer
  std::string_view kernels;        // for select_kernels: what this stage pins down
  bool fastest_attention = false;  // attention is the one that measures fastest
};

/// The versions V1 and V2, the stages 1 to 5, of which 5 is V3, and V4.
std::span<const Stage> all_stages();

/// Errors: an unknown key throws wb::Error listing the keys. "0" is V1 as well, "v3" stage 5; case does not
/// matter.
const Stage& find_stage(std::string_view key);

/// "V1", "stage 3", ...
std::string stage_name(const Stage& stage);

}  // namespace wb
