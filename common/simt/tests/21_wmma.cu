// Rung 21: a warp multiplies matrices, nvcuda::wmma. Shapes, types, layouts, elements, several warps.
//
// Which lane holds which element is not specified, so no test asks: it holds for any such choice. Values are
// small integers, so sums are exact in any order.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <mma.h>

#include <type_traits>

#include "common/simt/tests/ladder.h"

namespace {

using namespace nvcuda;

template <int kM, int kN>
using Sums = wmma::fragment<wmma::accumulator, kM, kN, 16, float>;

int value_a(int row, int k) {
  return (7 * row + 3 * k) % 17 - 8;
}
int value_b(int k, int column) {
  return (5 * column + 11 * k) % 13 - 6;
}
int value_c(int row, int column) {
  return (row + 2 * column) % 9 - 4;
}

// D = A B + C of one warp; `stride` is that of each matrix.
template <class T, int kM, int kN, class LayoutA, class LayoutB>
__global__ void multiply(const T* a, const T* b, const float* c, float* d, unsigned stride,
                         wmma::layout_t layout) {
#if LADDER_SINCE_8_0
  wmma::fragment<wmma::matrix_a, kM, kN, 16, T, LayoutA> from_a;
  wmma::fragment<wmma::matrix_b, kM, kN, 16, T, LayoutB> from_b;
  Sums<kM, kN> sums;
  wmma::load_matrix_sync(from_a, a, stride);
  wmma::load_matrix_sync(from_b, b, stride);
  wmma::load_matrix_sync(sums, c, stride, layout);
  wmma::mma_sync(sums, from_a, from_b, sums);
  wmma::store_matrix_sync(d, sums, stride, layout);
#endif
}

template <class T, int kM, int kN, bool kRowsA, bool kRowsB>
void check_product(bool rows_c) {
  constexpr int kStride = 40;  // longer than any row or column
  SCOPED_TRACE(std::to_string(kM) + " x " + std::to_string(kN) + ", row-major: A " + std::to_string(kRowsA) +
               ", B " + std::to_string(kRowsB) + ", C " + std::to_string(rows_c));
  using LayoutA = std::conditional_t<kRowsA, wmma::row_major, wmma::col_major>;
  using LayoutB = std::conditional_t<kRowsB, wmma::row_major, wmma::col_major>;
  const auto at = [](bool by_rows, int row, int column) {
    return static_cast<std::size_t>(by_rows ? row * kStride + column : column * kStride + row);
  };
  std::vector<T> a(32 * kStride, T(0.0f)), b(32 * kStride, T(0.0f));
  std::vector<float> c(32 * kStride, -1000.0f);
  for (int k = 0; k < 16; ++k) {
    for (int row = 0; row < kM; ++row) a[at(kRowsA, row, k)] = T(static_cast<float>(value_a(row, k)));
    for (int column = 0; column < kN; ++column)
      b[at(kRowsB, k, column)] = T(static_cast<float>(value_b(k, column)));
  }
  for (int row = 0; row < kM; ++row) {
    for (int column = 0; column < kN; ++column)
      c[at(rows_c, row, column)] = static_cast<float>(value_c(row, column));
  }
  const wb::DeviceBuffer<T> device_a(a), device_b(b);
  const wb::DeviceBuffer<float> device_c(c);
  const auto layout = rows_c ? wmma::mem_row_major : wmma::mem_col_major;
  const std::vector<float> got = results<float>(c.size(), [&](float* d) {
    multiply<T, kM, kN, LayoutA, LayoutB>
        <<<1, 32>>>(device_a.data(), device_b.data(), device_c.data(), d, kStride, layout);
  });
  std::vector<float> expected(c.size(), 0.0f);  // nothing is stored between the lines
  for (int row = 0; row < kM; ++row) {
    for (int column = 0; column < kN; ++column) {
      int sum = value_c(row, column);
      for (int k = 0; k < 16; ++k) sum += value_a(row, k) * value_b(k, column);
      expected[at(rows_c, row, column)] = static_cast<float>(sum);
    }
  }
  EXPECT_EQ(got, expected);
}

template <class T, int kM, int kN>
void check_layouts() {
  check_product<T, kM, kN, true, true>(true);
  check_product<T, kM, kN, true, false>(false);
  check_product<T, kM, kN, false, true>(true);
  check_product<T, kM, kN, false, false>(false);
}

TEST(Wmma, BfloatInAllShapesAndLayouts) {
  SKIP_BEFORE_8_0("wmma of bfloat16");
  check_layouts<__nv_bfloat16, 16, 16>();
  check_layouts<__nv_bfloat16, 32, 8>();
  check_layouts<__nv_bfloat16, 8, 32>();
}

TEST(Wmma, HalfInAllShapesAndLayouts) {
  SKIP_BEFORE_8_0("this test, because of the one before,");
  check_layouts<__half, 16, 16>();
  check_layouts<__half, 32, 8>();
  check_layouts<__half, 8, 32>();
}

// What is done to all elements of fragments of one type is done to all elements of the matrices.
__global__ void combine(const float* in, float* out) {
  Sums<16, 16> x, y;
  wmma::load_matrix_sync(x, in, 16, wmma::mem_row_major);
  wmma::fill_fragment(y, 100.0f);
  for (int i = 0; i < x.num_elements; ++i) x.x[i] = 2.0f * x.x[i] + y.x[i];
  wmma::store_matrix_sync(out, x, 16, wmma::mem_row_major);
}

TEST(Wmma, ElementsOneByOne) {
  std::vector<float> in;
  for (int i = 0; i < 256; ++i) in.push_back(static_cast<float>(i));
  const wb::DeviceBuffer<float> device_in(in);
  const auto out = results<float>(256, [&](float* p) { combine<<<1, 32>>>(device_in.data(), p); });
  for (int i = 0; i < 256; ++i) ASSERT_EQ(out[i], 2.0f * i + 100.0f) << i;
}

// A factor whose elements the lanes change: A becomes 2 A, so ones by ones give 2 * 16.
__global__ void doubled(const __half* ones, float* out) {
  wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> a;
  wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::col_major> b;
  wmma::load_matrix_sync(a, ones, 16);
  wmma::fill_fragment(b, __float2half(1.0f));
  for (int i = 0; i < a.num_elements; ++i) a.x[i] = __hadd(a.x[i], a.x[i]);
  Sums<16, 16> none, sums;
  wmma::fill_fragment(none, 0.0f);
  wmma::mma_sync(sums, a, b, none);
  wmma::store_matrix_sync(out, sums, 16, wmma::mem_col_major);
}

TEST(Wmma, ElementsOfAFactor) {
  const wb::DeviceBuffer<__half> ones(std::vector<__half>(256, __float2half(1.0f)));
  const auto out = results<float>(256, [&](float* p) { doubled<<<1, 32>>>(ones.data(), p); });
  for (int i = 0; i < 256; ++i) ASSERT_EQ(out[i], 32.0f) << i;
}

// Sums are float: 1 + 2^-10 * 2^-10 * 16 is a float, and no half.
__global__ void small_products(float* out) {
  wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> a;
  wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::row_major> b;
  Sums<16, 16> sums;
  wmma::fill_fragment(a, __float2half(0x1p-10f));
  wmma::fill_fragment(b, __float2half(0x1p-10f));
  wmma::fill_fragment(sums, 1.0f);
  wmma::mma_sync(sums, a, b, sums);
  wmma::store_matrix_sync(out, sums, 16, wmma::mem_row_major);
}

TEST(Wmma, SumsAreFloat) {
  const auto out = results<float>(256, [](float* p) { small_products<<<1, 32>>>(p); });
  for (int i = 0; i < 256; ++i) ASSERT_EQ(out[i], 1.0f + 0x1p-16f) << i;
}

// Each warp has fragments of its own, in shared memory as in global memory.
__global__ void warps(float* out) {
  alignas(32) __shared__ float tiles[4][256];
  const unsigned warp = threadIdx.y;
  Sums<16, 16> sums;
  for (unsigned round = 0; round <= warp; ++round) {
    wmma::fill_fragment(sums, static_cast<float>(10 * blockIdx.x + warp));
    wmma::store_matrix_sync(tiles[warp], sums, 16, wmma::mem_row_major);
  }
  __syncwarp();
  Sums<16, 16> again;
  wmma::load_matrix_sync(again, tiles[warp], 16, wmma::mem_col_major);
  wmma::store_matrix_sync(out + 256 * (4 * blockIdx.x + warp), again, 16, wmma::mem_row_major);
}

TEST(Wmma, WarpsAreIndependent) {
  const auto out = results<float>(8 * 256, [](float* p) { warps<<<2, dim3(32, 4)>>>(p); });
  for (int i = 0; i < 8 * 256; ++i) ASSERT_EQ(out[i], 10 * (i / 1024) + i / 256 % 4) << i;
}

}  // namespace
