// The roof of products on tensor cores, which no data sheet figure of the device tells.
#pragma once

namespace wb::detail {

/// FLOP/s of the vendor library's product of two large square bf16 matrices, sums in fp32, measured now: the
/// median of several. 0 where the device has no such units or the library refuses.
double measure_bf16_product();

}  // namespace wb::detail
