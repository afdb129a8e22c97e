// Copying each key/value head to the H / K query heads that share it, and the gradient: adding them up again.
//
// A block of dim3(32, 8) owns 8 positions of one key/value head: thread (tx, ty) takes position ty and
// features tx, tx + 32, ... The output is contiguous, so its accesses coalesce; those of the view do when its
// features are neighbours. Every element of the small side is touched once, its H / K copies follow one
// another.
//
// 4 (1 + H / K) bytes for each element of the view, no arithmetic forward: the whole operation is traffic
// that an attention kernel which finds the head itself (h / (H / K)) does not need. It exists for kernels
// that cannot.
#include <cstdint>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "05_rmsnorm_rope/repeat_kv_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFeatures = 32;  // threadIdx.x
constexpr int kPositions = 8;  // threadIdx.y

// The position that a thread works on, and in which head of which sequence.
struct Place {
  int batch;
  int head;  // of K
  int position;
};

// blockIdx.x counts (batch, head, chunk of positions), the chunk running fastest.
__device__ Place place_of_thread(int heads, int t) {
  const int chunks = (t - 1) / kPositions + 1;
  const int chunk = static_cast<int>(blockIdx.x) % chunks;
  const int batch_and_head = static_cast<int>(blockIdx.x) / chunks;
  return {batch_and_head / heads, batch_and_head % heads, chunk * kPositions + static_cast<int>(threadIdx.y)};
}

// Where the first copy of this position begins in the (B, H, T, D) tensor; the next copies follow T D apart.
__device__ std::int64_t first_copy(const Place& place, int group, int t, int h, int d) {
  const std::int64_t head = static_cast<std::int64_t>(place.batch) * h + place.head * group;
  return (head * t + place.position) * d;
}

__global__ void repeat_kv_forward_kernel(HeadsView<const float> x,  // (B, T, K, D)
                                         float* y,                  // (B, H, T, D)
                                         int t, int h, int d) {
  const Place place = place_of_thread(x.heads, t);
  if (place.position >= t) return;
  const int group = h / x.heads;
  const float* from =
      x.data + place.batch * x.stride_b + place.position * x.stride_t + place.head * x.stride_h;
  float* to = y + first_copy(place, group, t, h, d);
  const std::int64_t next_head = static_cast<std::int64_t>(t) * d;

  for (std::int64_t i = threadIdx.x; i < d; i += kFeatures) {
    const float value = from[i * x.stride_d];
    for (int copy = 0; copy < group; ++copy) to[copy * next_head + i] = value;
  }
}

__global__ void repeat_kv_backward_kernel(const float* dy,      // (B, H, T, D)
                                          HeadsView<float> dx,  // (B, T, K, D)
                                          int t, int h, int d) {
  const Place place = place_of_thread(dx.heads, t);
  if (place.position >= t) return;
  const int group = h / dx.heads;
  const float* from = dy + first_copy(place, group, t, h, d);
  float* to = dx.data + place.batch * dx.stride_b + place.position * dx.stride_t + place.head * dx.stride_h;
  const std::int64_t next_head = static_cast<std::int64_t>(t) * d;

  for (std::int64_t i = threadIdx.x; i < d; i += kFeatures) {
    float sum = 0.0f;
    for (int copy = 0; copy < group; ++copy) sum += from[copy * next_head + i];
    to[i * dx.stride_d] = sum;
  }
}

unsigned blocks_for(int b, int heads, int t) {
  const std::int64_t chunks = (t - 1) / kPositions + 1;
  const std::int64_t heads_of_batch = static_cast<std::int64_t>(b) * heads;
  WB_REQUIRE(heads_of_batch <= INT32_MAX, heads_of_batch);
  WB_REQUIRE(heads_of_batch * chunks <= INT32_MAX, heads_of_batch * chunks);
  return static_cast<unsigned>(heads_of_batch * chunks);
}

void repeat_kv_forward_solution(HeadsView<const float> x, float* y, int b, int t, int h, int d,
                                cudaStream_t stream) {
  check_repeat_kv_forward(x, y, b, t, h, d);
  const dim3 block(kFeatures, kPositions);
  repeat_kv_forward_kernel<<<blocks_for(b, x.heads, t), block, 0, stream>>>(x, y, t, h, d);
  WB_CHECK_LAUNCH();
}

void repeat_kv_backward_solution(const float* dy, HeadsView<float> dx, int b, int t, int h, int d,
                                 cudaStream_t stream) {
  check_repeat_kv_backward(dy, dx, b, t, h, d);
  const dim3 block(kFeatures, kPositions);
  repeat_kv_backward_kernel<<<blocks_for(b, dx.heads, t), block, 0, stream>>>(dy, dx, t, h, d);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RepeatKvForward, solution, repeat_kv_forward_solution);
WB_REGISTER(RepeatKvBackward, solution, repeat_kv_backward_solution);

}  // namespace wb
