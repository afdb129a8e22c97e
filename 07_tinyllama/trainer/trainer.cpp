#include "07_tinyllama/trainer/trainer.h"

#include <fmt/format.h>

#include <utility>

#include "common/core/trace.h"

namespace wb {
namespace {

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

DeviceBuffer<float> zeros(std::size_t size) {
  DeviceBuffer<float> buffer(size);
  buffer.fill_bytes(0);
  return buffer;
}

std::size_t batch_size(const ModelConfig& config) {
  return static_cast<std::size_t>(config.tokens());
}

// Before anything is allocated: half a model helps nobody, and a CPU device might be killed for asking.
const TrainerOptions& checked(const TrainerOptions& options) {
  WB_REQUIRE(options.max_steps >= 1, options.max_steps);
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
      m_(zeros(static_cast<std::size_t>(model_.parameters().table().extent()))),
      v_(zeros(static_cast<std::size_t>(model_.parameters().table().extent()))),
      tokens_(batch_size(options.config)),
      targets_(batch_size(options.config)),
      history_(static_cast<std::size_t>(options.max_steps)) {
  data_.require_fits(options.config);
  initialise(model_.parameters(), options.init, options.seed);
  // Setting up used the default stream, which another stream need not wait for.
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

std::size_t Trainer::bytes_needed(const TrainerOptions& options) {
  const std::size_t model = Model::bytes_needed(options.config, options.kernels, options.kv_layout);
  const auto moments = 2 * static_cast<std::size_t>(parameter_table(options.config).extent());
  return model + moments * sizeof(float) + 2 * batch_size(options.config) * sizeof(int) +
         static_cast<std::size_t>(options.max_steps) * sizeof(float);
}

void Trainer::expect(Phase phase, const char* called) const {
  if (phase == next_) return;
  const char* names[] = {"forward", "backward", "optimizer_step"};
  throw Error(
      fmt::format("trainer: {} was called, but {} is next; a step is forward, backward, optimizer_step",
                  called, names[static_cast<int>(next_)]));
}

void Trainer::forward() {
  TraceRange range("forward");
  expect(Phase::kForward, "forward");
  if (steps_done_ >= options_.max_steps) {
    throw Error(
        fmt::format("trainer: all {} steps are done; ask for more with max_steps", options_.max_steps));
  }
  data_.load(steps_done_, tokens_.data(), targets_.data(), options_.stream);
  model_.forward(tokens_.data(), targets_.data(), history_.data() + steps_done_, options_.stream);
  ++forwards_done_;
  next_ = Phase::kBackward;
}

void Trainer::backward() {
  TraceRange range("backward");
  expect(Phase::kBackward, "backward");
  model_.backward(tokens_.data(), targets_.data(), options_.stream);
  next_ = Phase::kOptimizer;
}

void Trainer::optimizer_step() {
  TraceRange range("optimizer");
  expect(Phase::kOptimizer, "optimizer_step");
  ++steps_done_;
  model_.kernels().adamw(model_.parameters().data(), model_.gradients().data(), m_.data(), v_.data(),
                         model_.parameters().table().extent(), options_.adamw, steps_done_, options_.stream);
  next_ = Phase::kForward;
}

void Trainer::step() {
  forward();
  backward();
  optimizer_step();
}

void Trainer::train(int steps) {
  WB_REQUIRE(steps >= 0, steps);
  for (int i = 0; i < steps; ++i) step();
}

std::vector<float> Trainer::losses() const {
  synchronize();
  return history_.download(static_cast<std::size_t>(forwards_done_));
}

float Trainer::last_loss() const {
  WB_REQUIRE(forwards_done_ >= 1, forwards_done_);
  float loss = 0.0f;
  WB_CUDA_CHECK(cudaMemcpyAsync(&loss, history_.data() + forwards_done_ - 1, sizeof(float),
                                cudaMemcpyDeviceToHost, options_.stream));
  synchronize();
  return loss;
}

GradientCoverage Trainer::coverage() {
  synchronize();
  return gradient_coverage(model_.gradients());
}

void Trainer::synchronize() const {
  WB_CUDA_CHECK(cudaStreamSynchronize(options_.stream));
}

}  // namespace wb
