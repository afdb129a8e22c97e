// Muon: momentum, an orthogonalized update, and a step.
//
// A few directions usually dominate a gradient matrix, and so a step along it. An orthogonalized update has
// the same directions, but all their lengths are about 1, so that a step is as long in the rare directions.
// Chapter 02's newton_schulz does this with 15 matrix products in five steps, 20 R C S + 10 S^3 FLOPs with S
// = min(R, C). This file has the two kernels around it, in which thread i owns pack i of (R, C):
//
//   momentum   m = mu m + g, u = g + mu m        reads 8 bytes per element, writes 8
//   newton_schulz on u, in place
//   step       p = p (1 - lr decay) - lr s u     reads 8, writes 4
//
// This is 28 bytes per element, as many as AdamW, with half of its state: only m. From a few hundred rows on,
// the products take nearly all of the time.
#include <cstdint>

#include "07_tinyllama/muon_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__device__ std::int64_t global_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

template <int kWidth>
__global__ void muon_momentum_kernel(const float* gradients,  // (size), size a multiple of kWidth
                                     float* momentum,         // (size)
                                     float* update,           // (size)
                                     std::int64_t size, float mu) {
  const std::int64_t i = global_index();
  if (i >= size / kWidth) return;
  const auto g = reinterpret_cast<const Pack<kWidth>*>(gradients)[i];
  auto m = reinterpret_cast<Pack<kWidth>*>(momentum)[i];
  Pack<kWidth> u;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    m.values[k] = mu * m.values[k] + g.values[k];
    u.values[k] = g.values[k] + mu * m.values[k];
  }
  reinterpret_cast<Pack<kWidth>*>(momentum)[i] = m;
  reinterpret_cast<Pack<kWidth>*>(update)[i] = u;
}

// p = keep p - step_size u
template <int kWidth>
__global__ void muon_step_kernel(const float* update,  // (size), size a multiple of kWidth
                                 float* parameters,    // (size)
                                 std::int64_t size, float keep, float step_size) {
  const std::int64_t i = global_index();
  if (i >= size / kWidth) return;
  const auto u = reinterpret_cast<const Pack<kWidth>*>(update)[i];
  auto p = reinterpret_cast<Pack<kWidth>*>(parameters)[i];
#pragma unroll
  for (int k = 0; k < kWidth; ++k) p.values[k] = keep * p.values[k] - step_size * u.values[k];
  reinterpret_cast<Pack<kWidth>*>(parameters)[i] = p;
}

void muon_solution(float* parameters, const float* gradients, float* momentum, float* scratch, int r, int c,
                   const MuonConfig& config, NewtonSchulz::Function* orthogonalize, Matmul::Function* matmul,
                   cudaStream_t stream) {
  require_muon(parameters, gradients, momentum, scratch, r, c, orthogonalize, matmul);
  const MuonScratch memory = divide_muon_scratch(scratch, r, c);
  const std::int64_t size = static_cast<std::int64_t>(r) * c;
  const bool wide =
      rows_fit_pack<4>(static_cast<int>(size % 4), parameters, gradients, momentum, memory.update);
  const std::int64_t blocks = ((wide ? size / 4 : size) + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, size);
  const auto grid = static_cast<unsigned>(blocks);

  const auto add_momentum = wide ? muon_momentum_kernel<4> : muon_momentum_kernel<1>;
  add_momentum<<<grid, kThreads, 0, stream>>>(gradients, momentum, memory.update, size, config.momentum);
  WB_CHECK_LAUNCH();

  orthogonalize(memory.update, memory.update, memory.iterates, r, c, kNewtonSchulzSteps, matmul, stream);

  const float keep = 1.0f - config.learning_rate * config.weight_decay;
  const float step_size = config.learning_rate * muon_scale(r, c);
  const auto step = wide ? muon_step_kernel<4> : muon_step_kernel<1>;
  step<<<grid, kThreads, 0, stream>>>(memory.update, parameters, size, keep, step_size);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Muon, solution, muon_solution);

}  // namespace wb
