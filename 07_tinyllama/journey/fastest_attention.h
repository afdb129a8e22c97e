// V4's attention: whichever is fastest here.
#pragma once

#include "07_tinyllama/journey/measure.h"
#include "07_tinyllama/trainer/selection/report.h"

namespace wb {

/// Every attention of this program at the options' shape, forward and backward: checked against the
/// reference, then timed in rounds. `chosen` is the fastest correct one. Errors: none is correct.
UnitReport measure_attention(const JourneyOptions& options, const Progress& progress);

}  // namespace wb
