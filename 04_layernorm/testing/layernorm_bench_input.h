// The inputs of this chapter's benchmarks.
#pragma once

#include <cstdint>
#include <vector>

#include "common/core/rng.h"

namespace wb {

/// n rows of c columns, uniform around 0.5.
inline std::vector<float> layernorm_bench_input(int n, int c, std::uint64_t seed) {
  return random_uniform(static_cast<std::size_t>(n) * static_cast<std::size_t>(c), seed, -1.0f, 2.0f);
}

}  // namespace wb
