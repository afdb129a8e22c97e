// Whether a clock that is read between the phases of a step tells where the step's time went.
#include <fmt/format.h>

#include <algorithm>

#include "07_tinyllama/journey/step_timer.h"
#include "07_tinyllama/trainer/trainer.h"
#include "common/core/device_info.h"
#include "common/harness/implementation_test.h"
#include "common/harness/sanitizer.h"

namespace wb {
namespace {

constexpr int kWarmUpSteps = 2;
constexpr int kSteps = 7;

// Work enough that a step takes the device much longer than the host needs to ask for it.
ModelConfig config_for_device() {
  ModelConfig config = preset(device_is_cpu() ? "nano" : "small");
  config.l = 1;
  if (device_is_cpu()) config.b = 1;  // of a step of 60 ms the host's part is less than a hundredth, too
  return config;
}

struct Step {
  double forward = 0.0, backward = 0.0, optimizer = 0.0;  // ms, by the timer under test
  double whole = 0.0;                                     // ms, from an idle device to an idle device

  double share() const { return (forward + backward + optimizer) / whole; }
};

class StepTimerTest : public ImplementationTest<StepTimer> {
 protected:
  static Trainer make_trainer(cudaStream_t stream = nullptr) {
    const ModelConfig config = config_for_device();
    return Trainer({.config = config,
                    .kernels = select_kernels("swiglu=naive"),
                    .max_steps = kWarmUpSteps + kSteps,
                    .stream = stream},
                   Data::random(config, 1));
  }

  double read_clock(cudaStream_t stream) { return implementation().function(stream); }

  // "Not ready" is an answer, not an error: take it back from where the next launch would find it.
  static cudaError_t query(cudaStream_t stream) {
    const cudaError_t state = cudaStreamQuery(stream);
    static_cast<void>(cudaGetLastError());
    return state;
  }

  Step timed_step(Trainer& trainer) {
    const cudaStream_t stream = trainer.options().stream;
    trainer.synchronize();
    const double begin = host_clock_ms();
    const double start = read_clock(stream);
    trainer.forward();
    const double after_forward = read_clock(stream);
    trainer.backward();
    const double after_backward = read_clock(stream);
    trainer.optimizer_step();
    const double after_optimizer = read_clock(stream);
    trainer.synchronize();
    return {after_forward - start, after_backward - after_forward, after_optimizer - after_backward,
            host_clock_ms() - begin};
  }
};

// The median step: one that another program disturbed decides nothing.
TEST_P(StepTimerTest, PhasesAddUpToTheStep) {
  if (under_sanitizer()) GTEST_SKIP() << "no timing under a sanitizer";
  Trainer trainer = make_trainer();
  trainer.train(kWarmUpSteps);
  std::vector<Step> steps;
  for (int i = 0; i < kSteps; ++i) steps.push_back(timed_step(trainer));
  std::sort(steps.begin(), steps.end(), [](const Step& x, const Step& y) { return x.share() < y.share(); });
  const Step& step = steps[kSteps / 2];
  EXPECT_TRUE(step.share() >= 0.9 && step.share() <= 1.01) << fmt::format(
      "a step took {:.2f} ms. The timer says forward {:.2f}, backward {:.2f}, optimizer {:.2f}: together "
      "{:.1f}% of it",
      step.whole, step.forward, step.backward, step.optimizer, 100.0 * step.share());
}

TEST_P(StepTimerTest, EveryPhaseGetsWhatItTook) {
  if (under_sanitizer()) GTEST_SKIP() << "no timing under a sanitizer";
  Trainer trainer = make_trainer();
  trainer.train(kWarmUpSteps);
  Step sum;
  for (int i = 0; i < kSteps; ++i) {
    const Step step = timed_step(trainer);
    sum.forward += step.forward;
    sum.backward += step.backward;
    sum.whole += step.whole;
  }
  // Forward and backward are both mostly matrix products, each far more than a twentieth of the step.
  for (const double phase : {sum.forward, sum.backward}) {
    EXPECT_TRUE(phase >= 0.05 * sum.whole) << fmt::format(
        "the timer says that forward takes {:.1f}% of the step, and backward {:.1f}%. Both are mostly matrix "
        "products, so each takes far more than 5%: in which phase is its time counted?",
        100.0 * sum.forward / sum.whole, 100.0 * sum.backward / sum.whole);
  }
}

TEST_P(StepTimerTest, LeavesNothingBehind) {
  Trainer trainer = make_trainer();
  trainer.train(kWarmUpSteps);
  read_clock(nullptr);
  const cudaError_t state = query(nullptr);
  EXPECT_EQ(state, cudaSuccess) << "after the clock was read, work in the stream is not done: "
                                << cudaGetErrorName(state);
  trainer.synchronize();
}

TEST_P(StepTimerTest, LeavesNothingBehindOnAnotherStream) {
  cudaStream_t stream = nullptr;
  WB_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  {
    Trainer trainer = make_trainer(stream);
    trainer.train(kWarmUpSteps);
    read_clock(stream);
    const cudaError_t state = query(stream);
    EXPECT_EQ(state, cudaSuccess) << "after the clock was read, work in the other stream is not done: "
                                  << cudaGetErrorName(state);
    trainer.synchronize();
  }
  WB_CUDA_CHECK(cudaStreamDestroy(stream));
}

TEST_P(StepTimerTest, CountsMilliseconds) {
  const double begin = host_clock_ms();
  const double first = read_clock(nullptr);
  Trainer trainer = make_trainer();
  trainer.train(1);
  trainer.synchronize();
  const double second = read_clock(nullptr);
  const double truth = host_clock_ms() - begin;
  EXPECT_TRUE(second - first > 0.5 * truth && second - first <= truth)
      << second - first << " by the timer, " << truth << " ms by the host's clock";
}

WB_TEST_IMPLEMENTATIONS(StepTimerTest, StepTimer);

}  // namespace
}  // namespace wb
