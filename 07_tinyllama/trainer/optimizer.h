// The optimizer: which rule moves which tensor, and the state that the rules keep.
//
//   AdamW   every tensor, or with Muon the embedding and the norm weights
//   Muon    the matrices inside the layers
//
// Neighbouring tensors that are moved alike are one launch of AdamW. The parameter table has all matrices
// first, then all norm weights: with weight decay on matrices alone that is two launches, without that one.
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
  /// A norm weight scales a normalised vector: pulling it to 0 regularises nothing. False leaves vectors
  /// without weight decay. The embedding is a matrix, and as the head it multiplies: it decays either way.
  bool decay_norms = true;
  Schedule schedule = {};  // of both learning rates
};

class Optimizer {
 public:
  /// Allocates the state, all zeros. Errors: no kernels were chosen throws wb::Error.
  Optimizer(const OptimizerOptions& options, const TensorTable& parameters, const KernelSet& kernels);
  /// Device memory that an Optimizer of these arguments allocates.
  static std::size_t bytes_needed(const OptimizerOptions& options, const TensorTable& parameters);

  /// Moves the parameters in stream order. `step` counts from 1. Never waits. Errors: arenas of another table
  /// throw wb::Error.
  void step(Arena& parameters, Arena& gradients, int step, cudaStream_t stream);

  /// AdamW's first moment; Muon's momentum for its matrices. Laid out as the parameters.
  Arena& first_moment() { return first_; }
  /// AdamW's second moment, of the tensors that AdamW moves.
  Arena& second_moment() { return second_; }
  /// Both, as a list: what a checkpoint holds beside the parameters.
  std::vector<StateTensor> state();
  const OptimizerOptions& options() const { return options_; }

 private:
  // Neighbouring tensors moved by one AdamW launch; a tensor of Muon is alone.
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
