// Implementations as a selection may meet them: wrong, slow, refusing, throwing, crashing, hanging. They are
// linked into the selection's tests and into the worker that the tests start, and into nothing else.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "01_vector_add/vector_add.h"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "06_flash_attention/attention.h"
#include "common/core/check.h"
#include "common/core/implementations.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 128;

int blocks_for(std::int64_t n) {
  return static_cast<int>((n + kThreads - 1) / kThreads);
}

// `factor` 1 is right.
__global__ void add_kernel(const float* a, const float* b, float* out, std::int64_t n, float factor) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = factor * (a[i] + b[i]);
}

__global__ void scale_kernel(float* values, int n, float factor) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) values[i] *= factor;
}

void add(const float* a, const float* b, float* out, std::int64_t n, float factor, cudaStream_t stream) {
  add_kernel<<<blocks_for(n), kThreads, 0, stream>>>(a, b, out, n, factor);
  WB_CHECK_LAUNCH();
}

// Tests ask for what cannot be measured often: a crash costs a process, a hang its time limit.
bool is_asked_for(const char* what) {
  const char* asked = std::getenv("WB_PLANTED");
  return asked != nullptr && std::strcmp(asked, what) == 0;
}

void wrong(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  add(a, b, out, n, 1.01f, stream);
}
// The fastest of all: it does nothing.
void idle(const float*, const float*, float*, std::int64_t, cudaStream_t) {}
void slow(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  for (int i = 0; i < 10; ++i) add(a, b, out, n, 1.0f, stream);
}
// Right, but not to be recorded in a graph.
void waits(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  slow(a, b, out, n, stream);
  WB_CUDA_CHECK(cudaStreamSynchronize(stream));
}
void throws(const float*, const float*, float*, std::int64_t, cudaStream_t) {
  throw std::runtime_error("planted: out of ideas");
}
void refuses(const float*, const float*, float*, std::int64_t n, cudaStream_t) {
  WB_REQUIRE(n % 1000 == 999, n);
}
void overruns(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  add(a, b, out, n + 1, 1.0f, stream);
}
void spoils_input(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  add(a, b, out, n, 1.0f, stream);
  WB_CUDA_CHECK(cudaMemsetAsync(const_cast<float*>(a), 0, sizeof(float), stream));
}
// Right until it is trusted.
void drifts(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  static int calls = 0;
  add(a, b, out, n, calls++ == 0 ? 1.0f : 1.5f, stream);
}
void faults(const float*, const float*, float* out, std::int64_t n, cudaStream_t stream) {
  float* nowhere = is_asked_for("faults") ? nullptr : out;
  add(nowhere, nowhere, nowhere, n, 1.0f, stream);
}
void crashes(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (is_asked_for("crashes")) std::abort();
  slow(a, b, out, n, stream);
}
void hangs(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  while (is_asked_for("hangs")) pause();
  slow(a, b, out, n, stream);
}

RmsnormBackward::Function* right_backward() {
  return find_implementation<RmsnormBackward>("solution").function;
}
// The gradient of every norm weight is 1% too large; that of x is right.
void one_percent(const float* dy, const float* x, const float* weight, const float* rstd, float* dx,
                 float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  right_backward()(dy, x, weight, rstd, dx, dweight, scratch, n, c, stream);
  scale_kernel<<<blocks_for(c), kThreads, 0, stream>>>(dweight, c, 1.01f);
  WB_CHECK_LAUNCH();
}
void not_a_number(const float* dy, const float* x, const float* weight, const float* rstd, float* dx,
                  float* dweight, float* scratch, int n, int c, cudaStream_t stream) {
  right_backward()(dy, x, weight, rstd, dx, dweight, scratch, n, c, stream);
  WB_CUDA_CHECK(cudaMemsetAsync(dweight, 0xFF, sizeof(float), stream));
}

// Attention that is right, and says that another run may differ.
AttentionArithmetic any_order() {
  return {.any_order = true};
}
AttentionMemory any_order_memory(const AttentionShape& shape) {
  return find_implementation<AttentionMemoryUseBf16>("solution").function(shape);
}
void any_order_forward(HeadsView<const bf16> q, HeadsView<const bf16> k, HeadsView<const bf16> v,
                       HeadsView<bf16> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  find_implementation<AttentionForwardBf16>("solution").function(q, k, v, out, saved, shape, stream);
}
void any_order_backward(HeadsView<const bf16> dout, HeadsView<const bf16> q, HeadsView<const bf16> k,
                        HeadsView<const bf16> v, HeadsView<const bf16> out, const float* saved,
                        HeadsView<bf16> dq, HeadsView<bf16> dk, HeadsView<bf16> dv, float* scratch,
                        const AttentionShape& shape, cudaStream_t stream) {
  find_implementation<AttentionBackwardBf16>("solution")
      .function(dout, q, k, v, out, saved, dq, dk, dv, scratch, shape, stream);
}

}  // namespace

WB_REGISTER(VectorAdd, planted_wrong, wrong);
WB_REGISTER(VectorAdd, planted_idle, idle);
WB_REGISTER(VectorAdd, planted_slow, slow);
WB_REGISTER(VectorAdd, planted_waits, waits);
WB_REGISTER(VectorAdd, planted_throws, throws);
WB_REGISTER(VectorAdd, planted_refuses, refuses);
WB_REGISTER(VectorAdd, planted_overruns, overruns);
WB_REGISTER(VectorAdd, planted_spoils_input, spoils_input);
WB_REGISTER(VectorAdd, planted_drifts, drifts);
WB_REGISTER(VectorAdd, planted_faults, faults);
WB_REGISTER(VectorAdd, planted_crashes, crashes);
WB_REGISTER(VectorAdd, planted_hangs, hangs);
WB_REGISTER(VectorAdd, starter, wrong);
WB_REGISTER(RmsnormBackward, planted_one_percent, one_percent);
WB_REGISTER(RmsnormBackward, planted_not_a_number, not_a_number);
WB_REGISTER(AttentionArithmeticBf16, planted_any_order, any_order);
WB_REGISTER(AttentionMemoryUseBf16, planted_any_order, any_order_memory);
WB_REGISTER(AttentionForwardBf16, planted_any_order, any_order_forward);
WB_REGISTER(AttentionBackwardBf16, planted_any_order, any_order_backward);

}  // namespace wb
