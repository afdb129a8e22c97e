// The training loop, in phases that a timer can take apart.
//
//   const ModelConfig config = preset("nano");
//   Trainer trainer({.config = config, .kernels = select_kernels("auto")}, Data::random(config, 1));
//   trainer.train(20);
//   const std::vector<float> losses = trainer.losses();
//
// A phase only enqueues work on the stream: it returns before the work is done. Losses stay on the device
// until asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "07_tinyllama/adamw.h"
#include "07_tinyllama/trainer/coverage.h"
#include "07_tinyllama/trainer/data.h"
#include "07_tinyllama/trainer/init.h"
#include "07_tinyllama/trainer/model.h"

namespace wb {

struct TrainerOptions {
  ModelConfig config;
  KernelSet kernels = {};  // from select_kernels
  KvLayout kv_layout = KvLayout::kContiguous;
  Init init = Init::kFixed;
  AdamWConfig adamw = {};
  std::uint64_t seed = 1;  // of the parameters; the data has its own
  int max_steps = 1000;    // room for that many losses on the device
  cudaStream_t stream = nullptr;
};

class Trainer {
 public:
  /// Allocates everything a run needs and initialises the parameters. Errors: validate(config)'s; max_steps
  /// < 1.
  Trainer(const TrainerOptions& options, Data data);

  /// Device memory that a Trainer of these options would allocate, beside its data.
  static std::size_t bytes_needed(const TrainerOptions& options);

  /// The three phases of a step, in this order; another order throws wb::Error, as does a step past
  /// max_steps.
  void forward();         // next batch, loss
  void backward();        // gradients, cleared first
  void optimizer_step();  // AdamW over the whole arena in one launch

  /// All three.
  void step();
  void train(int steps);

  int steps_done() const { return steps_done_; }
  /// The loss of every forward pass so far; waits for them.
  std::vector<float> losses() const;
  /// The loss of the latest forward pass: waits for all work of this trainer, copies one float. A loop that
  /// logs its loss does this every step. Errors: before the first forward pass throws wb::Error.
  float last_loss() const;
  /// Waits for all work of this trainer.
  void synchronize() const;
  /// Of the last backward pass; waits.
  GradientCoverage coverage();

  Model& model() { return model_; }
  const TrainerOptions& options() const { return options_; }
  const Data& data() const { return data_; }

 private:
  enum class Phase { kForward, kBackward, kOptimizer };
  void expect(Phase phase, const char* called) const;

  TrainerOptions options_;
  Data data_;
  Model model_;
  DeviceBuffer<float> m_;        // AdamW's first moment, laid out as the parameters
  DeviceBuffer<float> v_;        // and the second
  DeviceBuffer<int> tokens_;     // (B, T)
  DeviceBuffer<int> targets_;    // (B, T)
  DeviceBuffer<float> history_;  // (max_steps), the losses
  Phase next_ = Phase::kForward;
  int steps_done_ = 0;
  int forwards_done_ = 0;
};

}  // namespace wb
