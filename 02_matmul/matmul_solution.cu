// Matrix product with two levels of tiles: a block owns a tile of C, whose operands are in shared memory, and
// each thread owns a tile of that in registers.
//
// A block of 128 threads owns a (64, 64) tile of C and walks K in steps of 16. In each step it copies a
// (64, 16) tile of op(A) and a (16, 64) tile of op(B) into shared memory, both with K outermost, whatever the
// layout in global memory: the layouts differ only in the copy. Then each thread adds 16 outer products of
// 8 values of A and 4 of B to its (8, 4) outputs, so a value read from shared memory serves 4 or 8 multiply-
// adds, and a value read from global memory serves 64. While a tile is multiplied, the next one is already
// being loaded into registers, so that no thread waits for memory at the start of a step.
//
// Thread (tx, ty) = (t % 16, t / 16) owns rows 8 ty .. 8 ty + 7 and columns 4 tx .. 4 tx + 3: a warp reads
// one row of B's tile without bank conflicts, and only two different addresses of A's. 2 M N K FLOPs; (M N K
// / 32 + M N) * 4 bytes of global memory traffic, most of it served by the L2 cache.
//
// T, float or bf16, is the type in memory; tiles and sums are float. bf16 halves the bytes, but this kernel
// is not limited by them, and it has to convert each number: only tensor cores multiply bf16 faster. Read
// next: matmul_library_cuda.cpp and matmul_library_cpu.cu, the vendors' libraries.
#include <cstdint>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/bf16.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 128;
constexpr int kTile = 64;                                // rows and columns of C that a block owns
constexpr int kDepth = 16;                               // how much of K a step covers
constexpr int kRows = 8;                                 // rows of C that a thread owns
constexpr int kColumns = 4;                              // columns of C that a thread owns
constexpr int kAcross = kTile / kColumns;                // threads side by side
constexpr int kParts = kTile * kDepth / (4 * kThreads);  // float4s of a tile that a thread copies
constexpr int kStride = kTile + 4;  // padded, so that transposing copies meet fewer bank conflicts

// A row-major matrix of float or bf16. `vectors`: every Pack<4> whose first element is at a multiple of 4
// within a row is aligned and does not reach into the next row.
template <class T>
struct Matrix {
  const T* data;  // (rows, columns)
  int rows;
  int columns;
  bool vectors;
};

template <class T>
__device__ Matrix<T> make_matrix(const T* data, int rows, int columns) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(data) % sizeof(Pack<4, T>) == 0;
  return {data, rows, columns, aligned && columns % 4 == 0};
}

template <class T>
__device__ float4 as_float4(Pack<4, T> pack) {
  return make_float4(to_float(pack.values[0]), to_float(pack.values[1]), to_float(pack.values[2]),
                     to_float(pack.values[3]));
}

// Four neighbors of a row; 0 outside the matrix, which adds nothing to a dot product.
template <class T>
__device__ float4 load4(const Matrix<T>& matrix, int row, int column) {
  float4 value = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  if (row >= matrix.rows || column >= matrix.columns) return value;
  const T* source = matrix.data + static_cast<std::int64_t>(row) * matrix.columns + column;
  if (matrix.vectors) return as_float4(*reinterpret_cast<const Pack<4, T>*>(source));
  value.x = to_float(source[0]);
  if (column + 1 < matrix.columns) value.y = to_float(source[1]);
  if (column + 2 < matrix.columns) value.z = to_float(source[2]);
  if (column + 3 < matrix.columns) value.w = to_float(source[3]);
  return value;
}

// This thread's share of a tile: kParts float4s. kDepthInRows: the matrix is (tile, depth), so the four
// neighbors of a float4 differ in depth; otherwise it is (depth, tile).
template <bool kDepthInRows, class T>
__device__ void fetch(float4 (&parts)[kParts], const Matrix<T>& matrix, int tile_start, int depth_start) {
  constexpr int kPerRow = (kDepthInRows ? kDepth : kTile) / 4;
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    const int slot = static_cast<int>(threadIdx.x) + part * kThreads;
    const int row = (kDepthInRows ? tile_start : depth_start) + slot / kPerRow;
    const int column = (kDepthInRows ? depth_start : tile_start) + slot % kPerRow * 4;
    parts[part] = load4(matrix, row, column);
  }
}

// Puts the share that fetch took into shared memory, transposed if need be.
template <bool kDepthInRows>
__device__ void store(const float4 (&parts)[kParts], float (*tile)[kStride]) {  // (kDepth, kStride)
  constexpr int kPerRow = (kDepthInRows ? kDepth : kTile) / 4;
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    const int slot = static_cast<int>(threadIdx.x) + part * kThreads;
    const int row = slot / kPerRow;
    const int column = slot % kPerRow * 4;
    if (kDepthInRows) {
      tile[column + 0][row] = parts[part].x;
      tile[column + 1][row] = parts[part].y;
      tile[column + 2][row] = parts[part].z;
      tile[column + 3][row] = parts[part].w;
    } else {
      *reinterpret_cast<float4*>(&tile[row][column]) = parts[part];
    }
  }
}

// sums += the product of the two tiles, restricted to the outputs of this thread.
__device__ void multiply(const float (*a_tile)[kStride],  // (kDepth, kStride)
                         const float (*b_tile)[kStride],  // (kDepth, kStride)
                         int row, int column, float (&sums)[kRows][kColumns]) {
#pragma unroll
  for (int depth = 0; depth < kDepth; ++depth) {
    const float4 a0 = *reinterpret_cast<const float4*>(&a_tile[depth][row]);
    const float4 a1 = *reinterpret_cast<const float4*>(&a_tile[depth][row + 4]);
    const float4 b0 = *reinterpret_cast<const float4*>(&b_tile[depth][column]);
    const float a[kRows] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
    const float b[kColumns] = {b0.x, b0.y, b0.z, b0.w};
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) sums[i][j] += a[i] * b[j];
    }
  }
}

template <MatmulLayout kLayout, class T, class Out>
__global__ void __launch_bounds__(kThreads) matmul_kernel(const T* a,  // (M, K), or (K, M) for kTN
                                                          const T* b,  // (K, N), or (N, K) for kNT
                                                          Out* c,      // (M, N)
                                                          int m, int n, int k, float alpha, float beta) {
  constexpr bool kDepthInRowsOfA = kLayout != MatmulLayout::kTN;
  constexpr bool kDepthInRowsOfB = kLayout == MatmulLayout::kNT;
  alignas(16) __shared__ float a_tile[kDepth][kStride];
  alignas(16) __shared__ float b_tile[kDepth][kStride];
  const Matrix<T> a_matrix = kDepthInRowsOfA ? make_matrix(a, m, k) : make_matrix(a, k, m);
  const Matrix<T> b_matrix = kDepthInRowsOfB ? make_matrix(b, n, k) : make_matrix(b, k, n);

  // Neighboring blocks own neighboring tiles of one row of C: they share rows of A in the cache.
  const int tiles_across = (n + kTile - 1) / kTile;
  const int tile_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int tile_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int row = static_cast<int>(threadIdx.x) / kAcross * kRows;        // within the tile
  const int column = static_cast<int>(threadIdx.x) % kAcross * kColumns;  // within the tile

  float sums[kRows][kColumns] = {};
  float4 a_parts[kParts];
  float4 b_parts[kParts];
  fetch<kDepthInRowsOfA>(a_parts, a_matrix, tile_row, 0);
  fetch<kDepthInRowsOfB>(b_parts, b_matrix, tile_column, 0);
  for (int depth = 0; depth < k; depth += kDepth) {
    store<kDepthInRowsOfA>(a_parts, a_tile);
    store<kDepthInRowsOfB>(b_parts, b_tile);
    __syncthreads();
    // Past the end of K this fetches zeros without touching memory.
    fetch<kDepthInRowsOfA>(a_parts, a_matrix, tile_row, depth + kDepth);
    fetch<kDepthInRowsOfB>(b_parts, b_matrix, tile_column, depth + kDepth);
    multiply(a_tile, b_tile, row, column, sums);
    // The next step overwrites the tiles: wait until everyone has read them.
    __syncthreads();
  }

  const Matrix<Out> c_matrix = make_matrix<Out>(c, m, n);
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int c_row = tile_row + row + i;
    const int c_column = tile_column + column;
    if (c_row >= m || c_column >= n) continue;
    float4 value =
        make_float4(alpha * sums[i][0], alpha * sums[i][1], alpha * sums[i][2], alpha * sums[i][3]);
    // c may hold NaN when beta is 0: do not even read it.
    if (beta != 0.0f) {
      const float4 old = load4(c_matrix, c_row, c_column);
      value.x += beta * old.x;
      value.y += beta * old.y;
      value.z += beta * old.z;
      value.w += beta * old.w;
    }
    Out* target = c + static_cast<std::int64_t>(c_row) * n + c_column;
    const Pack<4, Out> rounded = {{from_float<Out>(value.x), from_float<Out>(value.y),
                                   from_float<Out>(value.z), from_float<Out>(value.w)}};
    if (c_matrix.vectors) {
      *reinterpret_cast<Pack<4, Out>*>(target) = rounded;
    } else {
      target[0] = rounded.values[0];
      if (c_column + 1 < n) target[1] = rounded.values[1];
      if (c_column + 2 < n) target[2] = rounded.values[2];
      if (c_column + 3 < n) target[3] = rounded.values[3];
    }
  }
}

template <class T, class Out>
void matmul_solution(MatmulLayout layout, const T* a, const T* b, Out* c, int m, int n, int k, float alpha,
                     float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const std::int64_t tiles_across = (n + kTile - 1) / kTile;
  const std::int64_t tiles = tiles_across * ((m + kTile - 1) / kTile);
  WB_REQUIRE(tiles <= INT32_MAX, tiles);
  const auto grid = static_cast<unsigned>(tiles);
  switch (layout) {
    case MatmulLayout::kNN:
      matmul_kernel<MatmulLayout::kNN, T, Out><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
      break;
    case MatmulLayout::kNT:
      matmul_kernel<MatmulLayout::kNT, T, Out><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
      break;
    case MatmulLayout::kTN:
      matmul_kernel<MatmulLayout::kTN, T, Out><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
      break;
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, solution, matmul_solution);
WB_REGISTER(MatmulBf16, solution, matmul_solution);
WB_REGISTER(MatmulBf16ToFloat, solution, matmul_solution);

}  // namespace wb
