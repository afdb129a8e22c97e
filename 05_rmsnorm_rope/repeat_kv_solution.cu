// Copying each key/value head to the H / K query heads that share it, and the gradient: adding them up again.
//
// A block owns some positions of one key/value head. threadIdx.x is the index of a pack of kWidth neighboring
// features, 16 bytes if the layout allows it, and each thread loads several positions before it stores the
// first. The (B, H, T, D) side is contiguous, so its accesses coalesce. Those of the view coalesce if its
// features are contiguous. Every element of the view is touched once.
//
// 4 (1 + H / K) bytes for each element of the view in fp32, no arithmetic forward. An attention kernel that
// computes the head itself (h / (H / K)) does not need this traffic. The operation is for kernels that
// cannot, and for keys and values whose layout makes repeated reads more expensive than a copy. Read next:
// repeat_kv_tiled.cu.
#include <algorithm>
#include <cstdint>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "05_rmsnorm_rope/repeat_kv_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr int kMaxColumns = 32;  // threads along the features
// Positions of a thread: as many packs of 16 bytes on the way together keep memory busy. Backward has others,
// of the other copies.
constexpr int kForwardPositions = 4, kBackwardPositions = 2;

// The first position that a thread works on, and in which head of which sequence; the others follow
// blockDim.y apart.
struct Place {
  std::int64_t batch;
  std::int64_t head;  // of K
  std::int64_t position;
};

// blockIdx.x counts (batch, head, chunk of positions), the chunk running fastest.
__device__ Place place_of_thread(int heads, int t, int positions_of_thread) {
  const int positions = static_cast<int>(blockDim.y) * positions_of_thread, chunks = (t - 1) / positions + 1;
  const int chunk = static_cast<int>(blockIdx.x) % chunks;
  const int batch_and_head = static_cast<int>(blockIdx.x) / chunks;
  const std::int64_t position = static_cast<std::int64_t>(chunk) * positions + threadIdx.y;
  return {batch_and_head / heads, batch_and_head % heads, position};
}

template <class T>
__device__ T* start_of_head(const HeadsView<T>& view, const Place& place) {
  return view.data + place.batch * view.stride_b + place.head * view.stride_h;
}

template <int kWidth, int kPositions, class T>
__global__ void repeat_kv_forward_kernel(HeadsView<const T> x,  // (B, T, K, D)
                                         T* y,                  // (B, H, T, D)
                                         int t, int h, int d) {
  const Place place = place_of_thread(x.heads, t, kPositions);
  const int group = h / x.heads, step = static_cast<int>(blockDim.y);
  const std::int64_t next_head = static_cast<std::int64_t>(t) * d;
  const T* from = start_of_head(x, place);
  T* to = y + (place.batch * h + place.head * group) * next_head;

  for (std::int64_t i = kWidth * threadIdx.x; i < d; i += kWidth * blockDim.x) {
    Pack<kWidth, T> packs[kPositions];
#pragma unroll
    for (int n = 0; n < kPositions; ++n) {
      const std::int64_t at = place.position + n * step;
      if (at >= t) break;
      packs[n] = *reinterpret_cast<const Pack<kWidth, T>*>(from + at * x.stride_t + i * x.stride_d);
    }
#pragma unroll 1  // more would come out as stores of single elements
    for (int copy = 0; copy < group; ++copy) {
#pragma unroll
      for (int n = 0; n < kPositions; ++n) {
        const std::int64_t at = place.position + n * step;
        if (at >= t) break;
        *reinterpret_cast<Pack<kWidth, T>*>(to + copy * next_head + at * d + i) = packs[n];
      }
    }
  }
}

template <int kWidth, int kPositions, class T>
__global__ void repeat_kv_backward_kernel(const T* dy,      // (B, H, T, D)
                                          HeadsView<T> dx,  // (B, T, K, D)
                                          int t, int h, int d) {
  const Place place = place_of_thread(dx.heads, t, kPositions);
  const int group = h / dx.heads, step = static_cast<int>(blockDim.y);
  const std::int64_t next_head = static_cast<std::int64_t>(t) * d;
  const T* from = dy + (place.batch * h + place.head * group) * next_head;
  T* to = start_of_head(dx, place);

  for (std::int64_t i = kWidth * threadIdx.x; i < d; i += kWidth * blockDim.x) {
    float sums[kPositions][kWidth] = {};
#pragma unroll 2
    for (int copy = 0; copy < group; ++copy) {
      Pack<kWidth, T> packs[kPositions] = {};
#pragma unroll
      for (int n = 0; n < kPositions; ++n) {
        const std::int64_t at = place.position + n * step;
        if (at < t) {
          packs[n] = *reinterpret_cast<const Pack<kWidth, T>*>(from + copy * next_head + at * d + i);
        }
      }
#pragma unroll
      for (int n = 0; n < kPositions; ++n) {
#pragma unroll
        for (int j = 0; j < kWidth; ++j) sums[n][j] += to_float(packs[n].values[j]);
      }
    }
#pragma unroll
    for (int n = 0; n < kPositions; ++n) {
      const std::int64_t at = place.position + n * step;
      if (at >= t) break;
      Pack<kWidth, T> sum;
#pragma unroll
      for (int j = 0; j < kWidth; ++j) sum.values[j] = from_float<T>(sums[n][j]);
      *reinterpret_cast<Pack<kWidth, T>*>(to + at * dx.stride_t + i * dx.stride_d) = sum;
    }
  }
}

dim3 block_for(int packs) {
  const int columns = std::min(packs, kMaxColumns);
  return dim3(columns, kThreads / columns);
}

unsigned blocks_for(int b, int heads, int t, int positions) {
  const std::int64_t chunks = (t - 1) / positions + 1;
  const std::int64_t heads_of_batch = static_cast<std::int64_t>(b) * heads;
  WB_REQUIRE(heads_of_batch <= INT32_MAX, heads_of_batch);
  WB_REQUIRE(heads_of_batch * chunks <= INT32_MAX, heads_of_batch * chunks);
  return static_cast<unsigned>(heads_of_batch * chunks);
}

template <int kWidth, int kPositions, class T>
void launch_forward(HeadsView<const T> x, T* y, int b, int t, int h, int d, cudaStream_t stream) {
  const dim3 block = block_for(d / kWidth);
  const unsigned blocks = blocks_for(b, x.heads, t, static_cast<int>(block.y) * kPositions);
  repeat_kv_forward_kernel<kWidth, kPositions><<<blocks, block, 0, stream>>>(x, y, t, h, d);
  WB_CHECK_LAUNCH();
}

template <int kWidth, int kPositions, class T>
void launch_backward(const T* dy, HeadsView<T> dx, int b, int t, int h, int d, cudaStream_t stream) {
  const dim3 block = block_for(d / kWidth);
  const unsigned blocks = blocks_for(b, dx.heads, t, static_cast<int>(block.y) * kPositions);
  repeat_kv_backward_kernel<kWidth, kPositions><<<blocks, block, 0, stream>>>(dy, dx, t, h, d);
  WB_CHECK_LAUNCH();
}

template <class T>
void repeat_kv_forward_solution(HeadsView<const T> x, T* y, int b, int t, int h, int d, cudaStream_t stream) {
  check_repeat_kv_forward(x, y, b, t, h, d);
  constexpr int kWide = 16 / sizeof(T);
  const bool wide = view_fits_pack<kWide>(x, d) && rows_fit_pack<kWide>(d, y);
  const auto launch = wide ? launch_forward<kWide, kForwardPositions, T> : launch_forward<1, 1, T>;
  launch(x, y, b, t, h, d, stream);
}

template <class T>
void repeat_kv_backward_solution(const T* dy, HeadsView<T> dx, int b, int t, int h, int d,
                                 cudaStream_t stream) {
  check_repeat_kv_backward(dy, dx, b, t, h, d);
  constexpr int kWide = 16 / sizeof(T);
  const bool wide = view_fits_pack<kWide>(dx, d) && rows_fit_pack<kWide>(d, dy);
  const auto launch = wide ? launch_backward<kWide, kBackwardPositions, T> : launch_backward<1, 1, T>;
  launch(dy, dx, b, t, h, d, stream);
}

}  // namespace

WB_REGISTER(RepeatKvForward, solution, repeat_kv_forward_solution<float>);
WB_REGISTER(RepeatKvBackward, solution, repeat_kv_backward_solution<float>);
WB_REGISTER(RepeatKvForwardBf16, solution, repeat_kv_forward_solution<bf16>);
WB_REGISTER(RepeatKvBackwardBf16, solution, repeat_kv_backward_solution<bf16>);

}  // namespace wb
