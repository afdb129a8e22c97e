// "What you see": one sentence per stage, computed from what was measured.
//
// A sentence says what the figures say, also where they disagree with the published story.
#pragma once

#include <string>
#include <vector>

#include "07_tinyllama/journey/measure.h"

namespace wb {

/// The result of the stage of that key, or nullptr.
const StageResult* find_result(const std::vector<StageResult>& results, std::string_view key);

/// Samples per second, divided by V1's; empty if V1 is not among the results.
std::optional<double> speedup_over_v1(const std::vector<StageResult>& results, const StageResult& result);

/// The sentence about `result`, without a period at its end. It compares `result` with the other `results` of
/// the run: steps within a round, as far as they differ by more than the noise. `uniform_loss` is ln V, the
/// loss of a uniform guess.
std::string observation(const std::vector<StageResult>& results, const StageResult& result,
                        double uniform_loss);

}  // namespace wb
