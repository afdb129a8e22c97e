// The program `sample`, apart from its streams.
#pragma once

#include <iosfwd>

namespace wb {

/// Text to `out` as it is made; notices and errors, one line each, to `err`. Returns the exit code: 0, 1
/// where something failed, 2 for bad arguments or a checkpoint that cannot be used.
int sample_main(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

}  // namespace wb
