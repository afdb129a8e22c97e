// `tiled`: repeat_kv for feature-major keys and values, through a tile in shared memory.
//
// In a feature-major view, neighboring elements are *positions*; in the copies they are *features*. With
// either order of lanes, one side is strided: 32 lanes then touch 32 sectors of 32 bytes and use 4 bytes of
// each. Therefore the lanes read in one order and write in the other. A block of dim3(32, 8) owns 32
// positions x 32 features of one key/value head. It reads them with the lanes along positions, stores them in
// shared memory, and after a barrier writes them with the lanes along features. Both sides move whole
// sectors. A column of padding keeps the lanes of a warp in different banks when they read down a column.
//
// For a token-major view this kernel is the slower one: its lanes read along positions, although features are
// contiguous. Read in the order of the data.
#include <cstdint>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "05_rmsnorm_rope/repeat_kv_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = 32;  // positions, and features
constexpr int kRows = 8;   // threadIdx.y

// The tile of a block: where it begins, in which head of which sequence.
struct Tile {
  std::int64_t batch;
  std::int64_t head;  // of K
  std::int64_t position;
  std::int64_t feature;
};

__host__ __device__ inline int tiles_over(int size) {
  return (size - 1) / kTile + 1;
}

// blockIdx.x counts (batch, head, tile of positions, tile of features), the last running fastest.
__device__ Tile tile_of_block(int heads, int t, int d) {
  const int block = static_cast<int>(blockIdx.x), across = tiles_over(d), down = tiles_over(t);
  const std::int64_t position = static_cast<std::int64_t>(block / across % down) * kTile;
  const std::int64_t feature = static_cast<std::int64_t>(block % across) * kTile;
  return {block / across / down / heads, block / across / down % heads, position, feature};
}

template <class T>
__global__ void repeat_kv_forward_tiled_kernel(HeadsView<const T> x,  // (B, T, K, D)
                                               T* y,                  // (B, H, T, D)
                                               int t, int h, int d) {
  __shared__ float tile[kTile][kTile + 1];  // (features, positions)
  const Tile at = tile_of_block(x.heads, t, d);
  const int lane = static_cast<int>(threadIdx.x), group = h / x.heads;

  const T* from = x.data + at.batch * x.stride_b + at.head * x.stride_h;
  for (int row = static_cast<int>(threadIdx.y); row < kTile; row += kRows) {
    const std::int64_t position = at.position + lane, feature = at.feature + row;
    if (position < t && feature < d) {
      tile[row][lane] = to_float(from[position * x.stride_t + feature * x.stride_d]);
    }
  }
  __syncthreads();

  T* to = y + (at.batch * h + at.head * group) * t * d;
  const std::int64_t next_head = static_cast<std::int64_t>(t) * d;
  for (int row = static_cast<int>(threadIdx.y); row < kTile; row += kRows) {
    const std::int64_t position = at.position + row, feature = at.feature + lane;
    if (position >= t || feature >= d) continue;
    const T value = from_float<T>(tile[lane][row]);
    for (int copy = 0; copy < group; ++copy) to[copy * next_head + position * d + feature] = value;
  }
}

template <class T>
__global__ void repeat_kv_backward_tiled_kernel(const T* dy,      // (B, H, T, D)
                                                HeadsView<T> dx,  // (B, T, K, D)
                                                int t, int h, int d) {
  __shared__ float tile[kTile][kTile + 1];  // (features, positions)
  const Tile at = tile_of_block(dx.heads, t, d);
  const int lane = static_cast<int>(threadIdx.x), group = h / dx.heads;

  const T* from = dy + (at.batch * h + at.head * group) * t * d;
  const std::int64_t next_head = static_cast<std::int64_t>(t) * d;
  for (int row = static_cast<int>(threadIdx.y); row < kTile; row += kRows) {
    const std::int64_t position = at.position + row, feature = at.feature + lane;
    if (position >= t || feature >= d) continue;
    float sum = 0.0f;
    for (int copy = 0; copy < group; ++copy) {
      sum += to_float(from[copy * next_head + position * d + feature]);
    }
    tile[lane][row] = sum;
  }
  __syncthreads();

  T* to = dx.data + at.batch * dx.stride_b + at.head * dx.stride_h;
  for (int row = static_cast<int>(threadIdx.y); row < kTile; row += kRows) {
    const std::int64_t position = at.position + lane, feature = at.feature + row;
    if (position < t && feature < d) {
      to[position * dx.stride_t + feature * dx.stride_d] = from_float<T>(tile[row][lane]);
    }
  }
}

unsigned blocks_for(int b, int heads, int t, int d) {
  const std::int64_t heads_of_batch = static_cast<std::int64_t>(b) * heads;
  const std::int64_t tiles = static_cast<std::int64_t>(tiles_over(t)) * tiles_over(d);
  WB_REQUIRE(heads_of_batch <= INT32_MAX, heads_of_batch);
  WB_REQUIRE(tiles <= INT32_MAX, tiles);
  WB_REQUIRE(heads_of_batch * tiles <= INT32_MAX, heads_of_batch * tiles);
  return static_cast<unsigned>(heads_of_batch * tiles);
}

template <class T>
void repeat_kv_forward_tiled(HeadsView<const T> x, T* y, int b, int t, int h, int d, cudaStream_t stream) {
  check_repeat_kv_forward(x, y, b, t, h, d);
  const dim3 block(kTile, kRows);
  repeat_kv_forward_tiled_kernel<T><<<blocks_for(b, x.heads, t, d), block, 0, stream>>>(x, y, t, h, d);
  WB_CHECK_LAUNCH();
}

template <class T>
void repeat_kv_backward_tiled(const T* dy, HeadsView<T> dx, int b, int t, int h, int d, cudaStream_t stream) {
  check_repeat_kv_backward(dy, dx, b, t, h, d);
  const dim3 block(kTile, kRows);
  repeat_kv_backward_tiled_kernel<T><<<blocks_for(b, dx.heads, t, d), block, 0, stream>>>(dy, dx, t, h, d);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RepeatKvForward, tiled, repeat_kv_forward_tiled<float>);
WB_REGISTER(RepeatKvBackward, tiled, repeat_kv_backward_tiled<float>);
WB_REGISTER(RepeatKvForwardBf16, tiled, repeat_kv_forward_tiled<bf16>);
WB_REGISTER(RepeatKvBackwardBf16, tiled, repeat_kv_backward_tiled<bf16>);

}  // namespace wb
