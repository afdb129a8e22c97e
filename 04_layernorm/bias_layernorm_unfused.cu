// Bias and LayerNorm, `unfused`: one launch adds the bias, the next normalizes,
// as an eager framework runs them.
//
// The first kernel writes the sum z to memory, and the second reads it. This moves 16 bytes per element (x
// read, z written, z read, y written), and a single launch moves 8. The contract provides no memory for z, so
// z is stored in y, and the second kernel normalizes in place.
//
// The first kernel gives each thread a pack of 16 bytes, or of 4 bytes if the rows do not allow 16. The
// second is chapter 04's own LayerNorm.
// Read next: bias_layernorm_solution.cu.
#include <cstdint>

#include "04_layernorm/bias_layernorm.h"
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/implementations.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr unsigned kMaxBlocksPerRow = 65535;  // what gridDim.y allows

// blockIdx.x is the row.
template <int kWidth>
__global__ void add_bias_kernel(const float* x,     // (N, C)
                                const float* bias,  // (C)
                                float* z,           // (N, C)
                                int c) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const int i = static_cast<int>(blockIdx.y * kThreads + threadIdx.x);
  if (i >= c / kWidth) return;
  Pack<kWidth> sum = reinterpret_cast<const Pack<kWidth>*>(x + start)[i];
  const Pack<kWidth> biases = reinterpret_cast<const Pack<kWidth>*>(bias)[i];
  for (int j = 0; j < kWidth; ++j) sum.values[j] += biases.values[j];
  reinterpret_cast<Pack<kWidth>*>(z + start)[i] = sum;
}

void bias_layernorm_unfused(const float* x, const float* bias, const float* gamma, const float* beta,
                            float* y, float* mean, float* rstd, int n, int c, float epsilon,
                            cudaStream_t stream) {
  static LayernormForward::Function* const layernorm =
      find_implementation<LayernormForward>("solution").function;
  check_bias_layernorm(x, bias, gamma, beta, y, mean, rstd, n, c, epsilon);
  const bool wide = rows_fit_pack4(c, x, bias, y);
  const auto blocks = static_cast<unsigned>((c / (wide ? 4 : 1) - 1) / kThreads + 1);
  WB_REQUIRE(blocks <= kMaxBlocksPerRow, c);
  const auto kernel = wide ? add_bias_kernel<4> : add_bias_kernel<1>;
  kernel<<<dim3(static_cast<unsigned>(n), blocks), kThreads, 0, stream>>>(x, bias, y, c);
  WB_CHECK_LAUNCH();
  layernorm(y, gamma, beta, y, mean, rstd, n, c, epsilon, stream);
}

}  // namespace

WB_REGISTER(BiasLayernormForward, unfused, bias_layernorm_unfused);

}  // namespace wb
