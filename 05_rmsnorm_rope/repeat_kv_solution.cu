// Copying each key/value head to the H / K query heads that share it, and the gradient: adding them up again.
//
// A block owns some positions of one key/value head: threadIdx.y is the position, threadIdx.x the pack of
// kWidth neighbouring features, 16 bytes where the layout allows. The (B, H, T, D) side is contiguous, so its
// accesses coalesce; those of the view do when its features are neighbours. Every element of the view is
// touched once, its H / K copies follow one another.
//
// 4 (1 + H / K) bytes for each element of the view in fp32, no arithmetic forward: the whole operation is
// traffic that an attention kernel which finds the head itself (h / (H / K)) does not need. It exists for
// kernels that cannot, and for keys and values that lie so badly that reading them again and again costs
// more. Read next: repeat_kv_tiled.cu.
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

// The position that a thread works on, and in which head of which sequence.
struct Place {
  std::int64_t batch;
  int head;  // of K
  std::int64_t position;
};

// blockIdx.x counts (batch, head, chunk of positions), the chunk running fastest.
__device__ Place place_of_thread(int heads, int t) {
  const int positions = static_cast<int>(blockDim.y), chunks = (t - 1) / positions + 1;
  const int chunk = static_cast<int>(blockIdx.x) % chunks;
  const int batch_and_head = static_cast<int>(blockIdx.x) / chunks;
  const std::int64_t position = static_cast<std::int64_t>(chunk) * positions + threadIdx.y;
  return {batch_and_head / heads, batch_and_head % heads, position};
}

// Where the first copy of this position begins in the (B, H, T, D) tensor; the next copies follow T D apart.
__device__ std::int64_t first_copy(const Place& place, int group, int t, int h, int d) {
  const std::int64_t head = place.batch * h + static_cast<std::int64_t>(place.head) * group;
  return (head * t + place.position) * d;
}

template <class T>
__device__ T* start_of(const HeadsView<T>& view, const Place& place) {
  return view.data + place.batch * view.stride_b + place.position * view.stride_t +
         place.head * view.stride_h;
}

template <int kWidth, class T>
__global__ void repeat_kv_forward_kernel(HeadsView<const T> x,  // (B, T, K, D)
                                         T* y,                  // (B, H, T, D)
                                         int t, int h, int d) {
  const Place place = place_of_thread(x.heads, t);
  if (place.position >= t) return;
  const int group = h / x.heads;
  const T* from = start_of(x, place);
  T* to = y + first_copy(place, group, t, h, d);
  const std::int64_t next_head = static_cast<std::int64_t>(t) * d;

  for (std::int64_t i = kWidth * threadIdx.x; i < d; i += kWidth * blockDim.x) {
    const auto pack = *reinterpret_cast<const Pack<kWidth, T>*>(from + i * x.stride_d);
    for (int copy = 0; copy < group; ++copy) {
      *reinterpret_cast<Pack<kWidth, T>*>(to + copy * next_head + i) = pack;
    }
  }
}

template <int kWidth, class T>
__global__ void repeat_kv_backward_kernel(const T* dy,      // (B, H, T, D)
                                          HeadsView<T> dx,  // (B, T, K, D)
                                          int t, int h, int d) {
  const Place place = place_of_thread(dx.heads, t);
  if (place.position >= t) return;
  const int group = h / dx.heads;
  const T* from = dy + first_copy(place, group, t, h, d);
  T* to = start_of(dx, place);
  const std::int64_t next_head = static_cast<std::int64_t>(t) * d;

  for (std::int64_t i = kWidth * threadIdx.x; i < d; i += kWidth * blockDim.x) {
    float sum[kWidth] = {};
#pragma unroll 4
    for (int copy = 0; copy < group; ++copy) {
      const auto pack = *reinterpret_cast<const Pack<kWidth, T>*>(from + copy * next_head + i);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) sum[j] += to_float(pack.values[j]);
    }
    Pack<kWidth, T> total;
#pragma unroll
    for (int j = 0; j < kWidth; ++j) total.values[j] = from_float<T>(sum[j]);
    *reinterpret_cast<Pack<kWidth, T>*>(to + i * dx.stride_d) = total;
  }
}

struct Launch {
  unsigned blocks;
  dim3 threads;
};

Launch launch_for(int b, int heads, int t, int packs) {
  const int columns = std::min(packs, kMaxColumns), positions = kThreads / columns;
  const std::int64_t chunks = (t - 1) / positions + 1;
  const std::int64_t heads_of_batch = static_cast<std::int64_t>(b) * heads;
  WB_REQUIRE(heads_of_batch <= INT32_MAX, heads_of_batch);
  WB_REQUIRE(heads_of_batch * chunks <= INT32_MAX, heads_of_batch * chunks);
  return {static_cast<unsigned>(heads_of_batch * chunks), dim3(columns, positions)};
}

template <class T>
constexpr int kWide = 16 / sizeof(T);

template <class T>
void repeat_kv_forward_solution(HeadsView<const T> x, T* y, int b, int t, int h, int d, cudaStream_t stream) {
  check_repeat_kv_forward(x, y, b, t, h, d);
  if (view_fits_pack<kWide<T>>(x, d) && rows_fit_pack<kWide<T>>(d, y)) {
    const Launch launch = launch_for(b, x.heads, t, d / kWide<T>);
    repeat_kv_forward_kernel<kWide<T>><<<launch.blocks, launch.threads, 0, stream>>>(x, y, t, h, d);
  } else {
    const Launch launch = launch_for(b, x.heads, t, d);
    repeat_kv_forward_kernel<1><<<launch.blocks, launch.threads, 0, stream>>>(x, y, t, h, d);
  }
  WB_CHECK_LAUNCH();
}

template <class T>
void repeat_kv_backward_solution(const T* dy, HeadsView<T> dx, int b, int t, int h, int d,
                                 cudaStream_t stream) {
  check_repeat_kv_backward(dy, dx, b, t, h, d);
  if (view_fits_pack<kWide<T>>(dx, d) && rows_fit_pack<kWide<T>>(d, dy)) {
    const Launch launch = launch_for(b, dx.heads, t, d / kWide<T>);
    repeat_kv_backward_kernel<kWide<T>><<<launch.blocks, launch.threads, 0, stream>>>(dy, dx, t, h, d);
  } else {
    const Launch launch = launch_for(b, dx.heads, t, d);
    repeat_kv_backward_kernel<1><<<launch.blocks, launch.threads, 0, stream>>>(dy, dx, t, h, d);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RepeatKvForward, solution, repeat_kv_forward_solution<float>);
WB_REGISTER(RepeatKvBackward, solution, repeat_kv_backward_solution<float>);
WB_REGISTER(RepeatKvForwardBf16, solution, repeat_kv_forward_solution<bf16>);
WB_REGISTER(RepeatKvBackwardBf16, solution, repeat_kv_backward_solution<bf16>);

}  // namespace wb
