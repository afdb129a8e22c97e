// load_matrix_sync and store_matrix_sync.
//
// The warp meets, and then each lane accesses its own elements in memory: two at once if they are neighbors
// in memory, else one at a time. These are ordinary loads and stores in the kernel's line, which the
// inspector and the meter see. As on a GPU, the meeting orders no other accesses of the warp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "simt/warp.h"
#include "simt/wmma/fragment.h"

namespace simt::wmma {

/// Waits for all lanes of the warp. The kernel fails unless all 32 take part with the same arguments,
/// `pointer` is a multiple of 32 bytes, and `ldm` elements of `element_bytes` are a multiple of 16 bytes.
void meet_to_load(const void* pointer, unsigned ldm, unsigned element_bytes, detail::Site site);
void meet_to_store(const void* pointer, unsigned ldm, unsigned element_bytes, detail::Site site);

// Two neighbors, which are accessed as one word.
template <class T>
struct Neighbors {
  T first, second;
};
using Word4 [[gnu::may_alias]] = std::uint32_t;
using Word8 [[gnu::may_alias]] = std::uint64_t;

template <class T>
SIMT_AT_CALLER inline Neighbors<T> load_two(const T* from) {
  if constexpr (sizeof(T) == 2) {
    return std::bit_cast<Neighbors<T>>(*reinterpret_cast<const Word4*>(from));
  } else {
    return std::bit_cast<Neighbors<T>>(*reinterpret_cast<const Word8*>(from));
  }
}

/// The elements of the running lane. `by_rows`: rows are contiguous in memory.
template <class Elements, class T>
SIMT_AT_CALLER inline void load_lane(Elements& f, const T* from, unsigned ldm, bool by_rows) {
  using Place = typename Elements::Place;
  const int lane = detail::lane_index();
  for (int i = 0; i < Place::kPerLane; i += 2) {
    const auto line = static_cast<std::size_t>(Place::line(lane, i));
    const auto offset = static_cast<std::size_t>(Place::offset(lane, i));
    if (by_rows == Elements::by_rows) {
      const Neighbors<T> two = load_two(from + line * ldm + offset);
      f.x[i] = two.first;
      f.x[i + 1] = two.second;
    } else {
      f.x[i] = from[offset * ldm + line];
      f.x[i + 1] = from[(offset + 1) * ldm + line];
    }
  }
}

template <class Elements>
SIMT_AT_CALLER inline void store_lane(float* to, const Elements& f, unsigned ldm, bool by_rows) {
  using Place = typename Elements::Place;
  const int lane = detail::lane_index();
  for (int i = 0; i < Place::kPerLane; i += 2) {
    const auto line = static_cast<std::size_t>(Place::line(lane, i));
    const auto offset = static_cast<std::size_t>(Place::offset(lane, i));
    if (by_rows) {
      *reinterpret_cast<Word8*>(to + line * ldm + offset) =
          std::bit_cast<std::uint64_t>(Neighbors<float>{f.x[i], f.x[i + 1]});
    } else {
      to[offset * ldm + line] = f.x[i];
      to[(offset + 1) * ldm + line] = f.x[i + 1];
    }
  }
}

}  // namespace simt::wmma

namespace nvcuda::wmma {

/// A matrix of factors. `ldm`: elements from one row (row_major) or column to the next.
template <class Use, int m, int n, int k, class T, class Layout>
SIMT_AT_CALLER inline void load_matrix_sync(fragment<Use, m, n, k, T, Layout>& f, const T* from, unsigned ldm,
                                            SIMT_SITE) {
  static_assert(!std::is_void_v<Layout>, "the load of an accumulator needs a layout: mem_row_major");
  simt::wmma::meet_to_load(from, ldm, sizeof(T), SIMT_HERE);
  simt::wmma::load_lane(f, from, ldm, std::is_same_v<Layout, row_major>);
}

template <int m, int n, int k>
SIMT_AT_CALLER inline void load_matrix_sync(fragment<accumulator, m, n, k, float>& f, const float* from,
                                            unsigned ldm, layout_t layout, SIMT_SITE) {
  simt::wmma::meet_to_load(from, ldm, sizeof(float), SIMT_HERE);
  simt::wmma::load_lane(f, from, ldm, layout == mem_row_major);
}

template <int m, int n, int k>
SIMT_AT_CALLER inline void store_matrix_sync(float* to, const fragment<accumulator, m, n, k, float>& f,
                                             unsigned ldm, layout_t layout, SIMT_SITE) {
  simt::wmma::meet_to_store(to, ldm, sizeof(float), SIMT_HERE);
  simt::wmma::store_lane(to, f, ldm, layout == mem_row_major);
}

}  // namespace nvcuda::wmma
