// Your turn: Muon. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 07 muon
//
// You write two kernels, in which thread i owns element i, and a launcher that calls them, with newton_schulz
// in between. newton_schulz is given: orthogonalize(x, out, scratch, r, c, steps, matmul, stream), and out
// may be x.
#include <cstdint>

#include "07_tinyllama/muon.h"
#include "07_tinyllama/muon_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void muon_momentum_kernel(const float* gradients,  // (size)
                                     float* momentum,         // (size)
                                     float* update,           // (size)
                                     std::int64_t size, float mu) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  // TODO 1: m = mu m + g. Store it.
  // TODO 2: Nesterov: the update looks one step ahead, u = g + mu m, with the new m.
}

__global__ void muon_step_kernel(const float* update,  // (size)
                                 float* parameters,    // (size)
                                 std::int64_t size, float learning_rate, float scale, float weight_decay) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  // TODO 3: p -= learning_rate * u.
  // TODO 5: Multiply the update by scale, and add weight decay, which is not scaled:
  //         p -= lr (scale u + decay p).
}

void muon_starter(float* parameters, const float* gradients, float* momentum, float* scratch, int r, int c,
                  const MuonConfig& config, NewtonSchulz::Function* orthogonalize, Matmul::Function* matmul,
                  cudaStream_t stream) {
  require_muon(parameters, gradients, momentum, scratch, r, c, orthogonalize, matmul);
  const MuonScratch memory = divide_muon_scratch(scratch, r, c);  // memory.update, memory.iterates
  const std::int64_t size = static_cast<std::int64_t>(r) * c;
  const std::int64_t blocks = (size + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, size);
  const auto grid = static_cast<unsigned>(blocks);

  muon_momentum_kernel<<<grid, kThreads, 0, stream>>>(gradients, momentum, memory.update, size,
                                                      config.momentum);
  WB_CHECK_LAUNCH();
  // TODO 4: Orthogonalize memory.update in place, in kNewtonSchulzSteps steps. Its scratch memory is
  //         memory.iterates.
  const float scale = 1.0f;  // TODO 6: Use muon_scale of muon.h.
  muon_step_kernel<<<grid, kThreads, 0, stream>>>(memory.update, parameters, size, config.learning_rate,
                                                  scale, config.weight_decay);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Muon, starter, muon_starter);

}  // namespace wb
