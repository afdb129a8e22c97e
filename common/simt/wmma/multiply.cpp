// What mma_sync computes: the last lane to arrive collects the fragments of all lanes, multiplies, and
// distributes the result.
#include "simt/wmma/multiply.h"

#include <array>
#include <cstdint>

#include "simt/small_float.h"
#include "wmma/meeting.h"

namespace simt::wmma {
namespace {

using detail::WarpLanes;

constexpr int kK = 16;

const Product& product_of(const WarpLanes& lanes, int lane) {
  return *reinterpret_cast<const Product*>(lanes.value[lane]);
}

// For lane l and its element i, at [l * kPerLane + i]: where it is in a row-major matrix of (kRows,
// kColumns).
template <int kRows, int kColumns>
constexpr std::array<std::uint16_t, kRows * kColumns> places(bool by_rows) {
  constexpr int kPerLane = kRows * kColumns / 32;
  std::array<std::uint16_t, kRows * kColumns> result{};
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < kPerLane; ++i) {
      using Rows = Placement<kRows, kColumns>;
      using Columns = Placement<kColumns, kRows>;
      const int row = by_rows ? Rows::line(lane, i) : Columns::offset(lane, i);
      const int column = by_rows ? Rows::offset(lane, i) : Columns::line(lane, i);
      result[static_cast<std::size_t>(lane * kPerLane + i)] =
          static_cast<std::uint16_t>(row * kColumns + column);
    }
  }
  return result;
}
template <int kRows, int kColumns, bool kByRows>
constexpr auto kPlaces = places<kRows, kColumns>(kByRows);

// visit(lane, i, its place in the matrix)
template <int kRows, int kColumns, class Visit>
void for_each_element(bool by_rows, Visit visit) {
  const auto& all = by_rows ? kPlaces<kRows, kColumns, true> : kPlaces<kRows, kColumns, false>;
  constexpr int kPerLane = kRows * kColumns / 32;
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < kPerLane; ++i) visit(lane, i, all[static_cast<std::size_t>(lane * kPerLane + i)]);
  }
}

template <int kRows, int kColumns>
void collect(const WarpLanes& lanes, const void* Product::*which, bool by_rows, bool half, float* matrix) {
  for_each_element<kRows, kColumns>(by_rows, [&](int lane, int i, int place) {
    const std::uint16_t bits = static_cast<const std::uint16_t*>(product_of(lanes, lane).*which)[i];
    matrix[place] = half ? small::HalfFormat::to_float(bits) : small::BfloatFormat::to_float(bits);
  });
}

template <int kM, int kN>
void multiply_matrices(const WarpLanes& lanes) {
  const Product& one = product_of(lanes, 0);
  alignas(64) float a[kM * kK], b[kK * kN], sums[kM * kN];
  collect<kM, kK>(lanes, &Product::a, one.a_by_rows, one.half, a);
  collect<kK, kN>(lanes, &Product::b, one.b_by_rows, one.half, b);
  for_each_element<kM, kN>(true,
                           [&](int lane, int i, int place) { sums[place] = product_of(lanes, lane).c[i]; });
  for (int row = 0; row < kM; ++row) {
    for (int k = 0; k < kK; ++k) {
      for (int column = 0; column < kN; ++column)
        sums[row * kN + column] += a[row * kK + k] * b[k * kN + column];
    }
  }
  for_each_element<kM, kN>(true,
                           [&](int lane, int i, int place) { product_of(lanes, lane).d[i] = sums[place]; });
}

bool same_types(const Product& x, const Product& y) {
  return x.m == y.m && x.n == y.n && x.a_by_rows == y.a_by_rows && x.b_by_rows == y.b_by_rows &&
         x.half == y.half;
}

void complete(WarpLanes& lanes, unsigned arrived) {
  if (arrived != kWholeWarp) return tell_all(lanes, arrived, arrived);
  const Product& one = product_of(lanes, 0);
  for (int lane = 1; lane < 32; ++lane) {
    if (!same_types(one, product_of(lanes, lane))) return tell_all(lanes, arrived, kDifferent);
  }
  if (one.m == 16) {
    multiply_matrices<16, 16>(lanes);
  } else if (one.m == 32) {
    multiply_matrices<32, 8>(lanes);
  } else {
    multiply_matrices<8, 32>(lanes);
  }
  tell_all(lanes, arrived, kDone);
}

constexpr detail::WarpOperation kMultiply{"mma_sync", complete};

}  // namespace

void multiply(const Product& product, detail::Site site) {
  meet(kMultiply, reinterpret_cast<std::uintptr_t>(&product), 0, "types of fragments", site);
}

}  // namespace simt::wmma
