// Mistake: the scale multiplies the whole step, weight decay included.
// Caught as: the scale multiplies weight decay
#include "solutions/mutants/muon/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void decay_scaled_momentum_kernel(const float* parameters,  // (size)
                                             const float* gradients,   // (size)
                                             float* momentum,          // (size)
                                             float* update,            // (size)
                                             std::int64_t size, MuonConfig config) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  momentum[i] = config.momentum * momentum[i] + gradients[i];
  update[i] = gradients[i] + config.momentum * momentum[i];
}

__global__ void decay_scaled_step_kernel(const float* update,  // (size)
                                         float* parameters,    // (size)
                                         std::int64_t size, MuonConfig config, float scale) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  parameters[i] -= config.learning_rate * scale * (update[i] + config.weight_decay * parameters[i]);
}

void decay_scaled(float* parameters, const float* gradients, float* momentum, float* scratch, int r, int c,
                  const MuonConfig& config, NewtonSchulz::Function* orthogonalize, Matmul::Function* matmul,
                  cudaStream_t stream) {
  const MuonScratch memory = divide_muon_scratch(scratch, r, c);
  const std::int64_t size = static_cast<std::int64_t>(r) * c;
  decay_scaled_momentum_kernel<<<blocks_for(size), kThreads, 0, stream>>>(parameters, gradients, momentum,
                                                                          memory.update, size, config);
  orthogonalize(memory.update, memory.update, memory.iterates, r, c, kNewtonSchulzSteps, matmul, stream);
  decay_scaled_step_kernel<<<blocks_for(size), kThreads, 0, stream>>>(memory.update, parameters, size, config,
                                                                      muon_scale(r, c));
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Muon, decay_scaled, decay_scaled);

}  // namespace
}  // namespace wb
