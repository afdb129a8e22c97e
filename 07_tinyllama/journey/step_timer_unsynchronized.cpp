// Reads the clock at once. What it times is how long the host took to enqueue the phase: the device may not
// even have begun. The time the device needs shows up later, in whichever line waits for it first; in a
// training loop that is often the innocent line that reads the loss.
#include "07_tinyllama/journey/step_timer.h"
#include "common/core/registry.h"

namespace wb {

double step_timer_unsynchronized(cudaStream_t) {
  return host_clock_ms();
}

WB_REGISTER(StepTimer, unsynchronized, step_timer_unsynchronized);

}  // namespace wb
