#include "07_tinyllama/trainer/trainer.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "07_tinyllama/trainer/clip.h"
#include "07_tinyllama/trainer/step_kernels.h"
#include "common/core/trace.h"

namespace wb {
namespace {

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

std::size_t batch_size(const ModelConfig& config) {
  return static_cast<std::size_t>(config.tokens());
}

// A float buffer of NaN: what was never written must not look like a loss.
DeviceBuffer<float> unwritten(std::size_t size) {
  DeviceBuffer<float> buffer(size);
  if (size != 0) buffer.fill_bytes(0xff);
  return buffer;
}

bool measures_norm(const TrainerOptions& options) {
  return options.clip_norm > 0.0f;
}

std::size_t norm_count(const TrainerOptions& options) {
  return measures_norm(options) ? static_cast<std::size_t>(options.max_steps) : 0;
}

std::size_t clip_floats(const TrainerOptions& options, const TensorTable& table) {
  return measures_norm(options) ? 1 + gradient_norm_scratch(table.extent()) : 0;
}

std::size_t batch_loss_count(const TrainerOptions& options) {
  return options.gradient_accumulation > 1 ? static_cast<std::size_t>(options.gradient_accumulation) : 0;
}

OptimizerOptions optimizer_options(const TrainerOptions& options) {
  return {.kind = options.optimizer,
          .adamw = options.adamw,
          .muon = options.muon,
          .decay_norms = options.decay_norms,
          .schedule = options.schedule};
}

// Before anything is allocated: half a model helps nobody, and a CPU device might be killed for asking.
const TrainerOptions& checked(const TrainerOptions& options) {
  WB_REQUIRE(options.max_steps >= 1, options.max_steps);
  if (options.graph) PassGraph::require_supported();
  WB_REQUIRE(options.gradient_accumulation >= 1, options.gradient_accumulation);
  WB_REQUIRE(options.max_steps <= std::numeric_limits<int>::max() / options.gradient_accumulation,
             options.gradient_accumulation);  // batches are counted
  WB_REQUIRE(options.clip_norm >= 0.0f, options.clip_norm);
  schedule_factor(options.schedule, 0);
  const std::size_t needed = Trainer::bytes_needed(options);
  std::size_t free = 0, total = 0;
  WB_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  if (needed > free) {
    throw Error(fmt::format(
        "trainer: this model needs {:.1f} GiB of device memory, but {:.1f} GiB are free; choose a "
        "smaller preset, batch or sequence",
        static_cast<double>(needed) / kGibibyte, static_cast<double>(free) / kGibibyte));
  }
  return options;
}

}  // namespace

Trainer::Trainer(const TrainerOptions& options, Data data)
    : options_(checked(options)),
      data_(std::move(data)),
      model_(options.config, options.kernels, options.kv_layout),
      optimizer_(optimizer_options(options), model_.parameters().table(), options.kernels),
      tokens_(batch_size(options.config)),
      targets_(batch_size(options.config)),
      history_(unwritten(static_cast<std::size_t>(options.max_steps))),
      batch_losses_(batch_loss_count(options)),
      norms_(unwritten(norm_count(options))),
      clip_scratch_(clip_floats(options, model_.parameters().table())) {
  if (options.graph) graphs_.emplace();
  data_.require_fits(options.config);
  initialize(model_.parameters(), options.init, options.seed);
  // Setting up used the default stream, which another stream need not wait for.
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

std::size_t Trainer::bytes_needed(const TrainerOptions& options) {
  const std::size_t model = Model::bytes_needed(options.config, options.kernels, options.kv_layout);
  const TensorTable table = parameter_table(options.config);
  const std::size_t floats = static_cast<std::size_t>(options.max_steps) + batch_loss_count(options) +
                             norm_count(options) + clip_floats(options, table) + (options.graph ? 1 : 0);
  return model + Optimizer::bytes_needed(optimizer_options(options), table) +
         2 * batch_size(options.config) * sizeof(int) + floats * sizeof(float);
}

void Trainer::expect(Phase phase, const char* called) const {
  if (phase == next_) return;
  const char* names[] = {"forward", "backward", "optimizer_step"};
  throw Error(
      fmt::format("trainer: {} was called, but {} is next; a step is forward, backward, optimizer_step",
                  called, names[static_cast<int>(next_)]));
}

void Trainer::run_forward(float* loss) {
  const cudaStream_t stream = options_.stream;
  if (!graphs_) return model_.forward(tokens_.data(), targets_.data(), loss, stream);
  model_.round_parameters(stream);
  graphs_->forward.run(stream, [&](cudaStream_t to) {
    model_.forward(tokens_.data(), targets_.data(), graphs_->loss.data(), to);
  });
  WB_CUDA_CHECK(cudaMemcpyAsync(loss, graphs_->loss.data(), sizeof(float), cudaMemcpyDeviceToDevice, stream));
}

void Trainer::forward() {
  TraceRange range("forward");
  expect(Phase::kForward, "forward");
  if (steps_done_ >= options_.max_steps) {
    throw Error(
        fmt::format("trainer: all {} steps are done; ask for more with max_steps", options_.max_steps));
  }
  const int batches = options_.gradient_accumulation;
  float* loss = batches == 1 ? history_.data() + steps_done_ : batch_losses_.data() + batches_done_;
  data_.load(steps_done_ * batches + batches_done_, tokens_.data(), targets_.data(), options_.stream);
  run_forward(loss);
  const bool last = batches_done_ + 1 == batches;
  if (last && batches > 1)
    mean_loss(batch_losses_.data(), history_.data() + steps_done_, batches, options_.stream);
  if (last) ++losses_done_;
  next_ = Phase::kBackward;
}

void Trainer::backward() {
  TraceRange range("backward");
  expect(Phase::kBackward, "backward");
  const float scale = 1.0f / static_cast<float>(options_.gradient_accumulation);
  const bool accumulate = batches_done_ > 0;
  const auto enqueue = [&](cudaStream_t stream) {
    model_.backward(tokens_.data(), targets_.data(), stream, scale, accumulate);
  };
  if (graphs_) {
    graphs_->backward[accumulate].run(options_.stream, enqueue);
  } else {
    enqueue(options_.stream);
  }
  ++batches_done_;
  next_ = batches_done_ < options_.gradient_accumulation ? Phase::kForward : Phase::kOptimizer;
}

void Trainer::optimizer_step() {
  TraceRange range("optimizer");
  expect(Phase::kOptimizer, "optimizer_step");
  Arena& gradients = model_.gradients();
  if (measures_norm(options_)) {
    const std::int64_t n = gradients.table().extent();
    float* factor = clip_scratch_.data();
    gradient_norm(gradients.data(), factor + 1, norms_.data() + steps_done_, factor, n, options_.clip_norm,
                  options_.stream);
    scale_gradients(gradients.data(), factor, n, options_.stream);
  }
  ++steps_done_;
  batches_done_ = 0;
  optimizer_.step(model_.parameters(), gradients, steps_done_, options_.stream);
  next_ = Phase::kForward;
}

void Trainer::step() {
  for (int i = 0; i < options_.gradient_accumulation; ++i) {
    forward();
    backward();
  }
  optimizer_step();
}

void Trainer::train(int steps) {
  WB_REQUIRE(steps >= 0, steps);
  for (int i = 0; i < steps; ++i) step();
}

void Trainer::expect_between_steps(const char* called) const {
  if (next_ == Phase::kForward && batches_done_ == 0) return;
  throw Error(
      fmt::format("trainer: {} was called inside a step; finish it with optimizer_step first", called));
}

float Trainer::evaluate(const Data& data, int batches) {
  expect_between_steps("evaluate");
  data.require_fits(options_.config);
  const int count = batches == 0 ? data.batches() : batches;
  WB_REQUIRE(count >= 1, count);
  DeviceBuffer<float> losses(static_cast<std::size_t>(count) + 1);
  for (int i = 0; i < count; ++i) {
    data.load(i, tokens_.data(), targets_.data(), options_.stream);
    run_forward(losses.data() + i);
  }
  mean_loss(losses.data(), losses.data() + count, count, options_.stream);
  synchronize();
  return losses.download().back();
}

void Trainer::resume_at(int steps_done) {
  expect_between_steps("resume_at");
  WB_REQUIRE(steps_done >= 0 && steps_done <= options_.max_steps, steps_done);
  steps_done_ = losses_done_ = steps_done;
}

std::vector<float> Trainer::losses() const {
  return losses(0, losses_done_);
}

std::vector<float> Trainer::losses(int begin, int end) const {
  WB_REQUIRE(begin >= 0 && begin <= end, begin);
  WB_REQUIRE(end <= losses_done_, end);
  return download(history_, begin, end);
}

std::vector<float> Trainer::gradient_norms(int begin, int end) const {
  WB_REQUIRE(measures_norm(options_), options_.clip_norm);
  WB_REQUIRE(begin >= 0 && begin <= end, begin);
  WB_REQUIRE(end <= steps_done_, end);
  return download(norms_, begin, end);
}

std::vector<float> Trainer::download(const DeviceBuffer<float>& buffer, int begin, int end) const {
  std::vector<float> values(static_cast<std::size_t>(end - begin));
  if (values.empty()) return values;
  WB_CUDA_CHECK(cudaMemcpyAsync(values.data(), buffer.data() + begin, values.size() * sizeof(float),
                                cudaMemcpyDeviceToHost, options_.stream));
  synchronize();
  return values;
}

float Trainer::last_loss() const {
  WB_REQUIRE(losses_done_ >= 1, losses_done_);
  return losses(losses_done_ - 1, losses_done_).front();
}

GradientCoverage Trainer::coverage() {
  synchronize();
  return gradient_coverage(model_.gradients());
}

void Trainer::synchronize() const {
  WB_CUDA_CHECK(cudaStreamSynchronize(options_.stream));
}

}  // namespace wb
