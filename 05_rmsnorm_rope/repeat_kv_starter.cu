// Your turn: copy each key/value head to the H / K query heads that share it, and add their gradients up
// again. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 05 repeat_kv
//
// A block of dim3(32, 8) owns 8 positions of one key/value head: threadIdx.y is the position among them, and
// threadIdx.x the first of the thread's features.
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
  std::int64_t batch;
  int head;  // of K
  std::int64_t position;
};

// blockIdx.x counts (batch, head, chunk of positions), the chunk running fastest.
__device__ Place place_of_thread(int heads, int t) {
  const int chunks = (t - 1) / kPositions + 1;
  const int chunk = static_cast<int>(blockIdx.x) % chunks;
  const int batch_and_head = static_cast<int>(blockIdx.x) / chunks;
  const std::int64_t position = static_cast<std::int64_t>(chunk) * kPositions + threadIdx.y;
  return {batch_and_head / heads, batch_and_head % heads, position};
}

// Where this position begins in a view of any layout.
template <class T>
__device__ std::int64_t start_in_view(const HeadsView<T>& view, const Place& place) {
  // TODO 1: The distance from view.data: three strides of the view, one for each member of place.
  return 0;
}

// Where the first copy of this position begins in the (B, H, T, D) tensor, which is contiguous.
__device__ std::int64_t first_copy(const Place& place, int group, int t, int h, int d) {
  // TODO 2: The heads of K before this one have taken `group` heads of H each. Count in 64 bits.
  return 0;
}

__global__ void repeat_kv_forward_kernel(HeadsView<const float> x,  // (B, T, K, D)
                                         float* y,                  // (B, H, T, D)
                                         int t, int h, int d) {
  const Place place = place_of_thread(x.heads, t);
  if (place.position >= t) return;
  const int group = h / x.heads;
  const float* from = x.data + start_in_view(x, place);
  float* to = y + first_copy(place, group, t, h, d);

  // TODO 3: Copy features threadIdx.x, then every kFeatures-th, below d. In the view they lie stride_d apart.
  // TODO 4: Store each of them group times: how far apart do the copies lie?
}

__global__ void repeat_kv_backward_kernel(const float* dy,      // (B, H, T, D)
                                          HeadsView<float> dx,  // (B, T, K, D)
                                          int t, int h, int d) {
  const Place place = place_of_thread(dx.heads, t);
  if (place.position >= t) return;
  const int group = h / dx.heads;
  const float* from = dy + first_copy(place, group, t, h, d);
  float* to = dx.data + start_in_view(dx, place);

  // TODO 5: The reverse: an element that was copied group times has the sum of group gradients. Overwrite dx.
}

unsigned blocks_for(int b, int heads, int t) {
  const std::int64_t chunks = (t - 1) / kPositions + 1;
  const std::int64_t heads_of_batch = static_cast<std::int64_t>(b) * heads;
  WB_REQUIRE(heads_of_batch <= INT32_MAX, heads_of_batch);
  WB_REQUIRE(heads_of_batch * chunks <= INT32_MAX, heads_of_batch * chunks);
  return static_cast<unsigned>(heads_of_batch * chunks);
}

void repeat_kv_forward_starter(HeadsView<const float> x, float* y, int b, int t, int h, int d,
                               cudaStream_t stream) {
  check_repeat_kv_forward(x, y, b, t, h, d);
  const dim3 block(kFeatures, kPositions);
  repeat_kv_forward_kernel<<<blocks_for(b, x.heads, t), block, 0, stream>>>(x, y, t, h, d);
  WB_CHECK_LAUNCH();
}

void repeat_kv_backward_starter(const float* dy, HeadsView<float> dx, int b, int t, int h, int d,
                                cudaStream_t stream) {
  check_repeat_kv_backward(dy, dx, b, t, h, d);
  const dim3 block(kFeatures, kPositions);
  repeat_kv_backward_kernel<<<blocks_for(b, dx.heads, t), block, 0, stream>>>(dy, dx, t, h, d);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RepeatKvForward, starter, repeat_kv_forward_starter);
WB_REGISTER(RepeatKvBackward, starter, repeat_kv_backward_starter);

}  // namespace wb
