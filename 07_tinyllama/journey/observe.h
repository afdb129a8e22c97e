// "What you see": one sentence a stage, computed from what was measured.
//
// A sentence says what the figures say, also where they disagree with the published story.
#pragma once

#include <string>
#include <vector>

#include "07_tinyllama/journey/measure.h"

namespace wb {

/// The result of the stage of that key, or nullptr.
const StageResult* find_result(const std::vector<StageResult>& results, std::string_view key);

/// Samples a second over V1's, if V1 is among the results.
std::optional<double> speedup_over_v1(const std::vector<StageResult>& results, const StageResult& result);

/// `uniform_loss` is ln V, the loss of a uniform guess.
std::string observation(const std::vector<StageResult>& results, const StageResult& result,
                        double uniform_loss);

}  // namespace wb
