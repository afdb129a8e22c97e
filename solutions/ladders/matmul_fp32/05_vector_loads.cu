// Rung 5: 16 bytes per access, from global and from shared memory.
//
// Idea: The tiles and squares of rung 4. A thread copies 4 neighbors of a matrix at a time (LDG.128), and
// reads 4 neighbors of a tile at a time (LDS.128): 4 reads for 64 multiply-adds instead of 16. Both tiles
// have depth outermost, so the 8 values of a thread are neighbors; where the matrix has depth in its rows,
// the copy transposes. A matrix whose address or row length is no multiple of 16 bytes is copied element
// by element.
//
// Limited before: instructions that are no FFMA: a tenth fewer are executed (sm__inst_executed.sum), a
// quarter of the requests to global memory are left.
// Limits now: the copies: 1.9 warps per issued instruction wait for global memory (long scoreboard). Reads
// of B still conflict 2-way, since a thread's 8 columns are 32 bytes and its neighbor's begin 32 bytes
// later: 271 of 709 million wavefronts.
// Uses: 128 registers, 8.25 KiB of shared memory per block (sm_90a); 512 FFMA of 609 instructions in the
// loop.
// Costs in clarity: the case of unaligned matrices.
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"

namespace wb {
namespace {

constexpr int kTile = 128;              // rows and columns of C that a block owns
constexpr int kDepth = 8;               // how much of K a step covers
constexpr int kSide = 8;                // rows and columns of C that a thread owns
constexpr int kAcross = kTile / kSide;  // threads side by side
constexpr int kThreads = kAcross * kAcross;
constexpr int kStride = kTile + 4;  // padded, and still a multiple of 16 bytes

// Four neighbors in shared memory, in one access.
__device__ void read_four(float* to, const float* from) {
  const float4 four = *reinterpret_cast<const float4*>(from);
  to[0] = four.x;
  to[1] = four.y;
  to[2] = four.z;
  to[3] = four.w;
}

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kThreads) vector_loads(const float* a,  // (M, K), or (K, M) for kTN
                                                         const float* b,  // (K, N), or (N, K) for kNT
                                                         float* c,        // (M, N)
                                                         int m, int n, int k, float alpha, float beta) {
  alignas(16) __shared__ float a_tile[kDepth][kStride];
  alignas(16) __shared__ float b_tile[kDepth][kStride];
  constexpr bool kInRowsA = ladder::kDepthInRowsOfA<kLayout>, kInRowsB = ladder::kDepthInRowsOfB<kLayout>;
  const bool a_vectors = ladder::allows_vectors(a, kInRowsA ? k : m);
  const bool b_vectors = ladder::allows_vectors(b, kInRowsB ? k : n);
  const ladder::TilePlace tile = ladder::place_of<kTile, kTile>(static_cast<int>(blockIdx.x), n);
  const int row = static_cast<int>(threadIdx.x) / kAcross * kSide;     // within the tile
  const int column = static_cast<int>(threadIdx.x) % kAcross * kSide;  // within the tile
  float sums[kSide][kSide] = {};
  for (int start = 0; start < k; start += kDepth) {
    ladder::load_tile4<kTile, kDepth, kThreads, kInRowsA>(a_tile, a, m, k, tile.row, start, a_vectors);
    ladder::load_tile4<kTile, kDepth, kThreads, kInRowsB>(b_tile, b, n, k, tile.column, start, b_vectors);
    __syncthreads();
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      float from_a[kSide], from_b[kSide];
      read_four(from_a, &a_tile[depth][row]);
      read_four(from_a + 4, &a_tile[depth][row + 4]);
      read_four(from_b, &b_tile[depth][column]);
      read_four(from_b + 4, &b_tile[depth][column + 4]);
#pragma unroll
      for (int i = 0; i < kSide; ++i) {
#pragma unroll
        for (int j = 0; j < kSide; ++j) sums[i][j] += from_a[i] * from_b[j];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < kSide; ++i) {
#pragma unroll
    for (int j = 0; j < kSide; ++j) {
      ladder::store_output(c, m, n, tile.row + row + i, tile.column + column + j, sums[i][j], alpha, beta);
    }
  }
}

void matmul_vector_loads(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                         float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned grid = ladder::count_tiles(m, n, kTile, kTile);
  ladder::with_layout(layout, [&](auto of) {
    vector_loads<of.value><<<grid, kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, vector_loads, matmul_vector_loads);

}  // namespace wb
