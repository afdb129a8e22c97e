// The optimizer: which rule updates which tensor, and the state that the rules keep.
//
//   AdamW   every tensor, or with Muon the embedding and the norm weights
//   Muon    the matrices inside the layers
//
// One launch of AdamW updates neighboring tensors that have the same weight decay. The parameter table has
// all matrices first, then all norm weights: two launches if only matrices decay, else one.
#pragma once

#include <cstdint>
#include <vector>

#include "07_tinyllama/adamw.h"
#include "07_tinyllama/muon.h"
#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/kernels.h"
#include "07_tinyllama/trainer/schedule.h"
#include "07_tinyllama/trainer/state_tensor.h"

namespace wb {

enum class OptimizerKind { kAdamW, kMuon };

/// "adamw" or "muon".
std::string_view name_of(OptimizerKind kind);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdamW;
  AdamWConfig adamw = {};
  MuonConfig muon = {};
  /// Whether norm weights decay too. A norm weight scales a normalized vector, so decay does not regularize
  /// it. The embedding decays in both cases, because it is also the matrix of the head.
  bool decay_norms = true;
  Schedule schedule = {};  // of both learning rates
};

class Optimizer {
 public:
  /// Allocates the state, all zeros. Errors: no kernels were chosen throws wb::Error.
  Optimizer(const OptimizerOptions& options, const TensorTable& parameters, const KernelSet& kernels);
  /// Device memory that an Optimizer of these arguments allocates.
  static std::size_t bytes_needed(const OptimizerOptions& options, const TensorTable& parameters);

  /// Updates the parameters in stream order. `step` counts from 1. Never waits. Errors: arenas of another
  /// table throw wb::Error.
  void step(Arena& parameters, Arena& gradients, int step, cudaStream_t stream);

  /// AdamW's first moment; Muon's momentum for its matrices. Laid out as the parameters.
  Arena& first_moment() { return first_; }
  /// AdamW's second moment, of the tensors that AdamW updates.
  Arena& second_moment() { return second_; }
  /// Both moments as a list. A checkpoint contains them besides the parameters.
  std::vector<StateTensor> state();
  const OptimizerOptions& options() const { return options_; }

 private:
  // Neighboring tensors that one AdamW launch updates, or one tensor of Muon.
  struct Group {
    bool muon = false;
    bool decay = true;
    std::int64_t offset = 0;         // in the parameters
    std::int64_t second_offset = 0;  // in the second moment
    std::int64_t size = 0;           // floats, padding included
    int rows = 0, columns = 0;       // of Muon's matrix
  };
  static std::vector<Group> groups_of(const OptimizerOptions& options, const TensorTable& parameters);
  static TensorTable second_table(const OptimizerOptions& options, const TensorTable& parameters);
  static std::size_t scratch_size(const std::vector<Group>& groups);

  OptimizerOptions options_;
  KernelSet kernels_;
  std::vector<Group> groups_;
  Arena first_;
  Arena second_;
  DeviceBuffer<float> scratch_;  // Muon's, for the largest of its matrices
};

}  // namespace wb
