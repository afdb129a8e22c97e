// Contract: one Muon step (Keller Jordan et al., 2024) for a matrix of parameters.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "02_matmul/matmul.h"
#include "02_matmul/newton_schulz.h"

namespace wb {

struct MuonConfig {
  float learning_rate = 0.02f;
  float momentum = 0.95f;
  float weight_decay = 0.0f;
};

/// How far a step moves an (R, C) weight, R outputs and C inputs, as a multiple of the learning rate. All
/// singular values of an orthogonalized matrix are about 1, so the entries of a tall matrix are smaller.
inline float muon_scale(int r, int c) {
  return std::sqrt(std::max(1.0f, static_cast<float>(r) / static_cast<float>(c)));
}

/// Floats of scratch memory that a call needs: the update (R, C), rounded up to four floats, then what
/// newton_schulz needs.
inline constexpr std::size_t muon_scratch_size(int r, int c) {
  const auto rows = static_cast<std::size_t>(r), columns = static_cast<std::size_t>(c);
  return detail::newton_schulz_rounded(rows * columns) + newton_schulz_scratch_size(r, c);
}

/// m = mu m + g;  u = g + mu m (Nesterov's look ahead);  o = newton_schulz(u), kNewtonSchulzSteps steps; p -=
/// lr * (muon_scale(R, C) * o + weight_decay * p). On the right, p is the value before the step: decay is
/// decoupled, as in AdamW.
///
/// Details on which the literature disagrees, and the choices made here: - The author's code averages (m = mu
/// m + (1 - mu) g, u = (1 - mu) g + mu m), which is (1 - mu) times the above. Orthogonalizing removes the
/// factor, except for the effect of the 1e-7 that it adds to the norm. - Others scale by 0.2 sqrt(max(R, C)),
/// so that AdamW can use the same learning rate. Here it is the author's factor. - Muon is meant for the
/// matrices of hidden layers. The caller updates embedding, head and norm weights by AdamW.
///
/// `orthogonalize` is the newton_schulz to use, `matmul` the product that it is given. The same call gives
/// the same bits. Never allocates, never waits for the device. Errors: r or c < 1 or > 2^30, or a pointer
/// that is null (functions included) or not aligned to a float, throws wb::Error.
struct Muon {
  static constexpr const char* kName = "muon";
  using Function = void(float* parameters,       // (R, C)
                        const float* gradients,  // (R, C)
                        float* momentum,         // (R, C), m: zero before the first step
                        float* scratch,          // (muon_scratch_size(R, C))
                        int r, int c, const MuonConfig& config, NewtonSchulz::Function* orthogonalize,
                        Matmul::Function* matmul, cudaStream_t stream);
};

}  // namespace wb
