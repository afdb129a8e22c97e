// Mistake: a tall matrix steps as far as a square one.
// Caught as: is not scaled by sqrt
#include "solutions/mutants/muon/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void no_scale_momentum_kernel(const float* parameters,  // (size)
                                         const float* gradients,   // (size)
                                         float* momentum,          // (size)
                                         float* update,            // (size)
                                         std::int64_t size, MuonConfig config) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  momentum[i] = config.momentum * momentum[i] + gradients[i];
  update[i] = gradients[i] + config.momentum * momentum[i];
}

__global__ void no_scale_step_kernel(const float* update,  // (size)
                                     float* parameters,    // (size)
                                     std::int64_t size, MuonConfig config, float scale) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  parameters[i] -= config.learning_rate * (scale * update[i] + config.weight_decay * parameters[i]);
}

void no_scale(float* parameters, const float* gradients, float* momentum, float* scratch, int r, int c,
              const MuonConfig& config, NewtonSchulz::Function* orthogonalize, Matmul::Function* matmul,
              cudaStream_t stream) {
  const MuonScratch memory = divide_muon_scratch(scratch, r, c);
  const std::int64_t size = static_cast<std::int64_t>(r) * c;
  no_scale_momentum_kernel<<<blocks_for(size), kThreads, 0, stream>>>(parameters, gradients, momentum,
                                                                      memory.update, size, config);
  orthogonalize(memory.update, memory.update, memory.iterates, r, c, kNewtonSchulzSteps, matmul, stream);
  no_scale_step_kernel<<<blocks_for(size), kThreads, 0, stream>>>(memory.update, parameters, size, config,
                                                                  1.0f);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Muon, no_scale, no_scale);

}  // namespace
}  // namespace wb
