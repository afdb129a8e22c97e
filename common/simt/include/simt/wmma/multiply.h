// mma_sync: D = A B + C, by all lanes of a warp.
#pragma once

#include <type_traits>

#include "simt/warp.h"
#include "simt/wmma/fragment.h"

namespace simt::wmma {

/// The fragments of one lane, and what their types say.
struct Product {
  int m, n;                   // K is 16
  bool a_by_rows, b_by_rows;  // Elements::by_rows
  bool half;                  // else bfloat16
  const void *a, *b;
  const float* c;
  float* d;  // may be c
};

/// Waits for all lanes of the warp; the last one multiplies. The kernel fails unless all 32 take part with
/// fragments of the same types.
void multiply(const Product& product, detail::Site site);

}  // namespace simt::wmma

namespace nvcuda::wmma {

/// Products are exact. They are added in the order of K, and each sum is rounded to float.
template <int m, int n, int k, class T, class LayoutA, class LayoutB>
inline void mma_sync(fragment<accumulator, m, n, k, float>& d,
                     const fragment<matrix_a, m, n, k, T, LayoutA>& a,
                     const fragment<matrix_b, m, n, k, T, LayoutB>& b,
                     const fragment<accumulator, m, n, k, float>& c, SIMT_SITE) {
  simt::wmma::multiply({m, n, a.by_rows, b.by_rows, std::is_same_v<T, __half>, a.x, b.x, c.x, d.x},
                       SIMT_HERE);
}

}  // namespace nvcuda::wmma
