// Attention by cuDNN, in bf16: what the vendor's engineers reach, on tensor cores.
//
// The head of attention_plans.h says how cuDNN is asked. Forward saves the log-sum-exp of each row, as flash
// attention does. Backward sums dQ in fp32 in scratch memory, block by block as they come, so that two calls
// may differ in the last bits. It rounds P and dS to bf16 before it multiplies by them; and with grouped
// queries it writes dK and dV of every query head in bf16 and adds up those of a group in another kernel,
// which is a second rounding.
//
// Left to `solution` is what cuDNN has no kernels for: heads whose 16-byte pieces are not at multiples of 16
// bytes (another D, layout or address), a single token, a scale that is not positive, and GPUs before 8.0.
#include <algorithm>
#include <cstdint>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/cudnn/attention_plans.h"
#include "common/core/implementations.h"

namespace wb {
namespace {

using In = HeadsView<const bf16>;
using Out = HeadsView<bf16>;

template <class Contract>
typename Contract::Function* solution() {
  static const auto function = find_implementation<Contract>("solution").function;
  return function;
}

template <class... Views>
bool suits_cudnn(const AttentionShape& shape, const Views&... views) {
  return (view_fits_pack<8>(views, shape.d) && ...) && cudnn_has(shape);
}

AttentionMemory memory_use(const AttentionShape& shape) {
  AttentionMemory memory = solution<AttentionMemoryUseBf16>()(shape);
  if (!cudnn_has(shape)) return memory;
  const std::size_t bytes = cudnn_workspace(shape) + kCudnnAlignment;
  memory.scratch = std::max(memory.scratch, (bytes + sizeof(float) - 1) / sizeof(float));
  return memory;
}

AttentionArithmetic arithmetic() {
  return {.p_roundings = 2, .ds_roundings = 2, .any_order = true};
}

void* aligned(float* scratch) {
  const auto address = reinterpret_cast<std::uintptr_t>(scratch);
  return reinterpret_cast<void*>((address + kCudnnAlignment - 1) / kCudnnAlignment * kCudnnAlignment);
}

void attention_forward_library(In q, In k, In v, Out out, float* saved, const AttentionShape& shape,
                               cudaStream_t stream) {
  attention_check_forward<bf16>(q, k, v, out, saved, shape);
  if (!suits_cudnn(shape, q, k, v, out)) {
    return solution<AttentionForwardBf16>()(q, k, v, out, saved, shape, stream);
  }
  cudnn_forward({q, k, v, out, saved, shape}, stream);
}

void attention_backward_library(In dout, In q, In k, In v, In out, const float* saved, Out dq, Out dk, Out dv,
                                float* scratch, const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward<bf16>(q, k, v, out, saved, shape);
  attention_check_gradients<bf16>(dout, dq, dk, dv, scratch, shape);
  if (!suits_cudnn(shape, dout, q, k, v, out, dq, dk, dv)) {
    return solution<AttentionBackwardBf16>()(dout, q, k, v, out, saved, dq, dk, dv, scratch, shape, stream);
  }
  cudnn_backward({dout, q, k, v, out, saved, dq, dk, dv, aligned(scratch), shape}, stream);
}

}  // namespace

WB_REGISTER(AttentionMemoryUseBf16, library, memory_use);
WB_REGISTER(AttentionArithmeticBf16, library, arithmetic);
WB_REGISTER(AttentionForwardBf16, library, attention_forward_library);
WB_REGISTER(AttentionBackwardBf16, library, attention_backward_library);

}  // namespace wb
