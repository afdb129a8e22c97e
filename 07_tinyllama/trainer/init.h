// Component: how the parameters start.
#pragma once

#include <cstdint>
#include <string_view>

#include "07_tinyllama/trainer/arena.h"

namespace wb {

enum class Init {
  kFixed,   // every matrix N(0, 0.02)
  kBroken,  // the same, but the embedding N(0, 1): a framework's default, too large for a tied head
};

/// "fixed" or "broken".
std::string_view name_of(Init init);

/// Fills the parameters: matrices at random, norm weights with 1. The same seed gives the same parameters on
/// every device. Waits.
void initialize(Arena& parameters, Init init, std::uint64_t seed);

}  // namespace wb
