// Kernels of hopper_test.cpp.
#pragma once

#include <cuda.h>

namespace wb::hopper {

/// Copies the tile of 64 tokens and 64 features at this place from one tensor of heads to another.
void copy_head_tile(const CUtensorMap& from, const CUtensorMap& to, int feature, int row, int head,
                    int batch);

/// out (64, width) = bf16(q k^T) v, with q (64, 64), k (width, 64), v (width, width); width 64 or 128. The
/// maps have tiles of all rows and 64 columns.
void two_products(int width, const CUtensorMap& q, const CUtensorMap& k, const CUtensorMap& v, float* out);

/// Three warpgroups in turn write their numbers, each `turns` times.
void take_turns(int* log, int turns);

}  // namespace wb::hopper
