#include "07_tinyllama/journey/trace_stages.h"

#include <cmath>

#include "07_tinyllama/journey/step_timer.h"
#include "common/core/implementations.h"
#include "common/core/trace.h"

namespace wb {
namespace {

constexpr int kWarmUpSteps = 2;

// A step with the stage's own timer in it: where that waits, the host's track shows it.
void traced_step(Trainer& trainer, StepTimer::Function* clock, int index) {
  const cudaStream_t stream = trainer.options().stream;
  TraceRange step("step", index);
  clock(stream);
  trainer.forward();
  clock(stream);
  trainer.backward();
  clock(stream);
  trainer.optimizer_step();
  clock(stream);
  TraceRange read("read loss");
  trainer.last_loss();
}

}  // namespace

TraceCounts trace_stages(const JourneyOptions& options, const Progress& progress) {
  Trace trace;
  for (const Stage& stage : options.stages) {
    Trainer trainer(stage_trainer(options, stage, kWarmUpSteps + options.trace_steps), stage_data(options));
    StepTimer::Function* clock = find_implementation<StepTimer>(stage.timer).function;
    trainer.train(kWarmUpSteps);
    trace.start();
    {
      TraceRange range(stage_name(stage).c_str());
      for (int step = 0; step < options.trace_steps; ++step) {
        traced_step(trainer, clock, step);
        progress(stage_name(stage) + ", trace", step + 1, options.trace_steps, std::nanf(""));
      }
    }
    trace.stop();
    trace.write(options.trace_file);
  }
  return trace.counts();
}

}  // namespace wb
