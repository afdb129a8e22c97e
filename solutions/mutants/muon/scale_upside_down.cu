// Mistake: rows and columns are exchanged in the scale.
// Caught as: the scale is sqrt\(C / R\)
#include "solutions/mutants/muon/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void scale_upside_down_momentum_kernel(const float* parameters,  // (size)
                                                  const float* gradients,   // (size)
                                                  float* momentum,          // (size)
                                                  float* update,            // (size)
                                                  std::int64_t size, MuonConfig config) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  momentum[i] = config.momentum * momentum[i] + gradients[i];
  update[i] = gradients[i] + config.momentum * momentum[i];
}

__global__ void scale_upside_down_step_kernel(const float* update,  // (size)
                                              float* parameters,    // (size)
                                              std::int64_t size, MuonConfig config, float scale) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  parameters[i] -= config.learning_rate * (scale * update[i] + config.weight_decay * parameters[i]);
}

void scale_upside_down(float* parameters, const float* gradients, float* momentum, float* scratch, int r,
                       int c, const MuonConfig& config, NewtonSchulz::Function* orthogonalize,
                       Matmul::Function* matmul, cudaStream_t stream) {
  const MuonScratch memory = divide_muon_scratch(scratch, r, c);
  const std::int64_t size = static_cast<std::int64_t>(r) * c;
  scale_upside_down_momentum_kernel<<<blocks_for(size), kThreads, 0, stream>>>(
      parameters, gradients, momentum, memory.update, size, config);
  orthogonalize(memory.update, memory.update, memory.iterates, r, c, kNewtonSchulzSteps, matmul, stream);
  scale_upside_down_step_kernel<<<blocks_for(size), kThreads, 0, stream>>>(memory.update, parameters, size,
                                                                           config, muon_scale(c, r));
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Muon, scale_upside_down, scale_upside_down);

}  // namespace
}  // namespace wb
