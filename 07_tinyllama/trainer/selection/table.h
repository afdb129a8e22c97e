// The measured implementations as a table for people.
#pragma once

#include <string>
#include <vector>

#include "07_tinyllama/trainer/selection/report.h"

namespace wb {

/// A line for each implementation of each unit, the fastest first, then those that are no choice and why.
std::string table(const std::vector<UnitReport>& units);

}  // namespace wb
