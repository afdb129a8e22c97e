// The journey as a function, so that a test can run it.
#pragma once

#include <ostream>

#include "07_tinyllama/journey/report.h"

namespace wb {

/// Measures every stage, then profiles every stage, then trains on text. Writes nothing.
JourneyReport run_journey(const JourneyOptions& options, const Progress& progress);

/// The program: 0 done, 1 failed while running, 2 bad input. Errors are one line on `err`.
int journey_main(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                 const Progress& progress);

}  // namespace wb
