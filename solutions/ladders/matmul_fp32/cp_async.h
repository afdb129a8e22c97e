// Rung 7 for the rung above it, which leaves to it what it has no other idea for.
#pragma once

#include "02_matmul/matmul.h"

namespace wb::ladder {

/// Matmul's contract.
Matmul::Function matmul_cp_async;

}  // namespace wb::ladder
