// Mistake: the update is the momentum itself, without the look ahead.
// Caught as: without Nesterov's look ahead
#include "solutions/mutants/muon/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void no_nesterov_momentum_kernel(const float* parameters,  // (size)
                                            const float* gradients,   // (size)
                                            float* momentum,          // (size)
                                            float* update,            // (size)
                                            std::int64_t size, MuonConfig config) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  momentum[i] = config.momentum * momentum[i] + gradients[i];
  update[i] = momentum[i];
}

__global__ void no_nesterov_step_kernel(const float* update,  // (size)
                                        float* parameters,    // (size)
                                        std::int64_t size, MuonConfig config, float scale) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  parameters[i] -= config.learning_rate * (scale * update[i] + config.weight_decay * parameters[i]);
}

void no_nesterov(float* parameters, const float* gradients, float* momentum, float* scratch, int r, int c,
                 const MuonConfig& config, NewtonSchulz::Function* orthogonalize, Matmul::Function* matmul,
                 cudaStream_t stream) {
  const MuonScratch memory = divide_muon_scratch(scratch, r, c);
  const std::int64_t size = static_cast<std::int64_t>(r) * c;
  no_nesterov_momentum_kernel<<<blocks_for(size), kThreads, 0, stream>>>(parameters, gradients, momentum,
                                                                         memory.update, size, config);
  orthogonalize(memory.update, memory.update, memory.iterates, r, c, kNewtonSchulzSteps, matmul, stream);
  no_nesterov_step_kernel<<<blocks_for(size), kThreads, 0, stream>>>(memory.update, parameters, size, config,
                                                                     muon_scale(r, c));
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Muon, no_nesterov, no_nesterov);

}  // namespace
}  // namespace wb
