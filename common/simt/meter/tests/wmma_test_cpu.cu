// What the meter counts of nvcuda::wmma: one request for each 8 x 8 tile of neighbors that lanes access in
// pairs. One warp.
#include <cuda_bf16.h>
#include <mma.h>

#include "meter/tests/ladder.h"

using namespace ladder;
using namespace nvcuda;

namespace {

// A fragment that is not used would not be loaded.
template <class Fragment>
__device__ float sum_of(const Fragment& fragment) {
  float sum = 0;
  for (const auto value : fragment.x) sum += static_cast<float>(value);
  return sum;
}

template <class Layout>
__global__ void load_global(const __nv_bfloat16* in, unsigned ldm, float* out) {
  wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, Layout> a;
  wmma::load_matrix_sync(a, in, ldm);
  out[threadIdx.x] = sum_of(a);
}
constexpr int kLoad = __LINE__ - 3;

// 4 tiles of 8 lines, each 16 bytes of another sector.
TEST(Wmma, ALoadHasOneRequestPerTile) {
  load_global<wmma::row_major><<<1, 32>>>(zeros<__nv_bfloat16>(16 * 64), 64, zeros<float>(32));
  EXPECT_EQ(counts(row(kernel("load_global<wmma::row_major>"), kLoad, "global_load")),
            (Counts{4, 32, 16, 512, 128}));
  load_global<wmma::col_major><<<1, 32>>>(zeros<__nv_bfloat16>(16 * 64), 64, zeros<float>(32));
  EXPECT_EQ(counts(row(kernel("load_global<wmma::col_major>"), kLoad, "global_load")),
            (Counts{4, 32, 16, 512, 128}));
}

template <int kStride>
__global__ void load_shared(const __nv_bfloat16* in, float* out) {
  alignas(32) __shared__ __nv_bfloat16 tile[16 * kStride];
  for (int i = threadIdx.x; i < 16 * kStride; i += 32) tile[i] = in[i];
  __syncwarp();
  wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major> a;
  wmma::load_matrix_sync(a, tile, kStride);
  out[threadIdx.x] = sum_of(a);
}
constexpr int kShared = __LINE__ - 3;

// 8 lines of 4 words: with 32 words per line all in the same 4 banks, with 4 more in 32 banks.
TEST(Wmma, LinesOf128BytesAreInTheSameBanks) {
  load_shared<64><<<1, 32>>>(zeros<__nv_bfloat16>(16 * 64), zeros<float>(32));
  EXPECT_EQ(counts(row(kernel("load_shared<64>"), kShared, "shared_load")), (Counts{4, 32, 4, 512, 128}));
  load_shared<72><<<1, 32>>>(zeros<__nv_bfloat16>(16 * 72), zeros<float>(32));
  EXPECT_EQ(counts(row(kernel("load_shared<72>"), kShared, "shared_load")), (Counts{4, 4, 4, 512, 128}));
}

template <wmma::layout_t kLayout>
__global__ void store_global(float* out) {
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> sums;
  wmma::fill_fragment(sums, 1.0f);
  wmma::store_matrix_sync(out, sums, 16, kLayout);
}
constexpr int kStore = __LINE__ - 2;

// Rows: two floats per lane. Columns: one, so twice as many requests of whole sectors.
TEST(Wmma, AStore) {
  store_global<wmma::mem_row_major><<<1, 32>>>(zeros<float>(256));
  EXPECT_EQ(counts(row(kernel("store_global<wmma::mem_row_major>"), kStore, "global_store")),
            (Counts{4, 32, 32, 1024, 128}));
  store_global<wmma::mem_col_major><<<1, 32>>>(zeros<float>(256));
  EXPECT_EQ(counts(row(kernel("store_global<wmma::mem_col_major>"), kStore, "global_store")),
            (Counts{8, 32, 32, 1024, 256}));
}

}  // namespace
