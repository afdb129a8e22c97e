// nvcuda::wmma::fragment: a lane's part of a matrix that a whole warp holds.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "cuda_bf16.h"
#include "cuda_fp16.h"
#include "simt/wmma/placement.h"

namespace nvcuda::wmma {

struct row_major;
struct col_major;
struct matrix_a;
struct matrix_b;
struct accumulator;
enum layout_t { mem_row_major, mem_col_major };
namespace precision {
struct tf32;
}

}  // namespace nvcuda::wmma

namespace simt::wmma {

using nvcuda::wmma::accumulator, nvcuda::wmma::matrix_a, nvcuda::wmma::matrix_b;
using nvcuda::wmma::col_major, nvcuda::wmma::row_major;

constexpr bool is_shape(int m, int n, int k) {
  return k == 16 && ((m == 16 && n == 16) || (m == 32 && n == 8) || (m == 8 && n == 32));
}
template <class T>
inline constexpr bool is_factor = std::is_same_v<T, __half> || std::is_same_v<T, __nv_bfloat16>;

/// The elements of a fragment, of a matrix of (kRows, kColumns). They begin as NaN: on a GPU they are
/// undefined.
template <class T, int kRows, int kColumns, bool kByRows>
struct Elements {
  using Place = std::conditional_t<kByRows, Placement<kRows, kColumns>, Placement<kColumns, kRows>>;
  static constexpr bool by_rows = kByRows;
  enum { num_elements = Place::kPerLane, num_storage_elements = Place::kPerLane };
  using element_type = T;
  using storage_element_type = T;
  T x[num_elements];

  SIMT_UNWATCHED Elements() {
    for (T& value : x) {
      if constexpr (std::is_same_v<T, float>) {
        value = std::bit_cast<float>(0xffffffffu);
      } else {
        value = T::from_bits(0xffff);
      }
    }
  }
};

template <class Use, int m, int n, int k, class T, class Layout>
struct Fragment {
  static_assert(
      !std::is_same_v<Use, Use>,
      "the CPU device (simt) has no such wmma fragment, only those of __half and __nv_bfloat16 "
      "(matrix_a and matrix_b, row_major or col_major) and of float (accumulator), for 16 x 16 x 16, "
      "32 x 8 x 16 and 8 x 32 x 16: move the kernel to a file named *_cuda.cu, which only the CUDA "
      "build compiles");
};

template <int m, int n, int k, class T, class Layout>
requires(is_shape(m, n, k) && is_factor<T> &&
         !std::is_void_v<Layout>) struct Fragment<matrix_a, m, n, k, T, Layout>
    : Elements<T, m, k, std::is_same_v<Layout, row_major>> {
};

template <int m, int n, int k, class T, class Layout>
requires(is_shape(m, n, k) && is_factor<T> &&
         !std::is_void_v<Layout>) struct Fragment<matrix_b, m, n, k, T, Layout>
    : Elements<T, k, n, std::is_same_v<Layout, row_major>> {
};

template <int m, int n, int k>
requires(is_shape(m, n, k)) struct Fragment<accumulator, m, n, k, float, void> : Elements<float, m, n, true> {
};

}  // namespace simt::wmma

namespace nvcuda::wmma {

template <class Use, int m, int n, int k, class T, class Layout = void>
class fragment : public simt::wmma::Fragment<Use, m, n, k, T, Layout> {};

/// Every lane sets its own elements. No lane waits.
template <class T, int kRows, int kColumns, bool kByRows>
inline void fill_fragment(simt::wmma::Elements<T, kRows, kColumns, kByRows>& f,
                          const std::type_identity_t<T>& value) {
  for (T& element : f.x) element = value;
}

}  // namespace nvcuda::wmma
