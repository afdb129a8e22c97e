// The training loop, in phases that can be timed separately.
//
//   const ModelConfig config = preset("nano");
//   Trainer trainer({.config = config, .kernels = select_kernels("auto")}, Data::random(config, 1));
//   trainer.train(20);
//   const std::vector<float> losses = trainer.losses();
//
// A phase only enqueues work on the stream: it returns before the work is done. Losses stay on the device
// until losses() is called.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "07_tinyllama/adamw.h"
#include "07_tinyllama/trainer/coverage.h"
#include "07_tinyllama/trainer/data.h"
#include "07_tinyllama/trainer/init.h"
#include "07_tinyllama/trainer/model.h"
#include "07_tinyllama/trainer/optimizer.h"
#include "07_tinyllama/trainer/pass_graph.h"

namespace wb {

struct TrainerOptions {
  ModelConfig config;
  KernelSet kernels = {};  // from select_kernels
  KvLayout kv_layout = KvLayout::kContiguous;
  Init init = Init::kFixed;
  AdamWConfig adamw = {};
  OptimizerKind optimizer = OptimizerKind::kAdamW;
  MuonConfig muon = {};           // of the hidden matrices, where the optimizer is Muon
  bool decay_norms = true;        // see OptimizerOptions
  Schedule schedule = {};         // of the learning rates
  float clip_norm = 0.0f;         // of all gradients; 0: not even measured; infinity: measured, not clipped
  int gradient_accumulation = 1;  // batches whose mean gradient makes a step
  std::uint64_t seed = 1;         // of the parameters; the data has its own
  int max_steps = 1000;           // room for that many losses on the device
  bool graph = false;             // launch each pass as one CUDA graph: see pass_graph.h
  cudaStream_t stream = nullptr;
};

class Trainer {
 public:
  /// Allocates everything a run needs and initializes the parameters. Errors: validate(config)'s; max_steps
  /// < 1.
  Trainer(const TrainerOptions& options, Data data);

  /// Device memory that a Trainer of these options would allocate, beside its data.
  static std::size_t bytes_needed(const TrainerOptions& options);

  /// The three phases of a step, in this order; another order throws wb::Error, as does a step past
  /// max_steps. With gradient accumulation the first two alternate so many times before the third.
  void forward();         // next batch, loss
  void backward();        // gradients: the first batch's replace the old ones, later batches' are added
  void optimizer_step();  // clipping, then the optimizer

  /// All three.
  void step();
  void train(int steps);

  /// The mean loss over the first `batches` batches of `data` (0: data.batches()); waits. It changes no
  /// parameter and no batch of the training. Errors: between the phases of a step, or data that does not fit,
  /// throws wb::Error.
  float evaluate(const Data& data, int batches = 0);

  int steps_done() const { return steps_done_; }
  /// Continues as if so many steps were done: batches, schedule and bias corrections are those of that step.
  /// The caller loads parameters and moments. Errors: between the phases of a step, or a number
  /// outside [0, max_steps], throws wb::Error.
  void resume_at(int steps_done);
  /// The loss of every step so far, the mean over its batches; waits for them. NaN for steps before
  /// resume_at.
  std::vector<float> losses() const;
  /// The same for some steps, [begin, end). Errors: a step without a loss throws wb::Error.
  std::vector<float> losses(int begin, int end) const;
  /// The global norm of the gradients before clipping, of steps [begin, end); waits. Errors: clip_norm is 0,
  /// or a step that is not done, throws wb::Error.
  std::vector<float> gradient_norms(int begin, int end) const;
  /// The loss of the latest forward pass. Waits for all work of this trainer and copies one float. A loop
  /// that logs its loss in every step calls this. Errors: before the first forward pass throws wb::Error.
  float last_loss() const;
  /// Waits for all work of this trainer.
  void synchronize() const;
  /// Of the last backward pass; waits.
  GradientCoverage coverage();

  Model& model() { return model_; }
  Optimizer& optimizer() { return optimizer_; }
  const TrainerOptions& options() const { return options_; }
  const Data& data() const { return data_; }

 private:
  enum class Phase { kForward, kBackward, kOptimizer };
  void expect(Phase phase, const char* called) const;
  void expect_between_steps(const char* called) const;
  void run_forward(float* loss);
  std::vector<float> download(const DeviceBuffer<float>& buffer, int begin, int end) const;

  TrainerOptions options_;
  Data data_;
  Model model_;
  Optimizer optimizer_;
  DeviceBuffer<int> tokens_;          // (B, T)
  DeviceBuffer<int> targets_;         // (B, T)
  DeviceBuffer<float> history_;       // (max_steps), the losses
  DeviceBuffer<float> batch_losses_;  // (gradient_accumulation), where that is more than 1
  DeviceBuffer<float> norms_;         // (max_steps), where norms are measured
  DeviceBuffer<float> clip_scratch_;  // the factor, then gradient_norm's scratch memory
  // The passes as graphs, if requested. Work that differs from step to step stays outside: copying the batch,
  // copying the loss, and the optimizer.
  struct Graphs {
    Graphs() : loss(1) {}
    PassGraph forward;
    PassGraph backward[2];     // gradients cleared, gradients added to
    DeviceBuffer<float> loss;  // where the recorded forward pass writes it
  };
  std::optional<Graphs> graphs_;
  Phase next_ = Phase::kForward;
  int steps_done_ = 0;
  int batches_done_ = 0;  // of this step
  int losses_done_ = 0;   // steps
};

}  // namespace wb
