// What the device said about the last thing that went wrong: the line it printed on standard error.
#pragma once

#include <string>

namespace simt {

/// Empty when nothing has gone wrong yet.
std::string last_explanation();

}  // namespace simt
