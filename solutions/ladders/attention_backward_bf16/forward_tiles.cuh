// What the gradient shares with the forward ladder: tiles for mma.sync, and the exponential.
#pragma once

#include "solutions/ladders/attention_bf16/exponential.cuh"
#include "solutions/ladders/attention_bf16/mma_tiles.cuh"

namespace wb::attention_backward {

using namespace attention;

}  // namespace wb::attention_backward
