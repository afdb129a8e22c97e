// The roof of products on tensor cores. The device reports no figure from which it could be computed.
#pragma once

namespace wb::detail {

/// FLOP/s of the vendor library's product of two large square bf16 matrices with sums in fp32: the median of
/// several measurements. 0 if the device has no such units or the library refuses.
double measure_bf16_product();

}  // namespace wb::detail
