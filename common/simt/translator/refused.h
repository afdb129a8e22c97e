// Identifiers in kernel files that the CPU device does not support.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "translator/lexer.h"

namespace simt::translator {

/// Why the identifier at tokens[i] cannot be translated, if it cannot.
std::optional<std::string> reason_to_refuse(const std::vector<Token>& tokens, std::size_t i);

}  // namespace simt::translator
