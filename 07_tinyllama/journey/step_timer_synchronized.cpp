// Waits for the stream, then reads the clock: the phase's work is done, so its time belongs to it.
// The wait costs a little itself (the host cannot run ahead), which is why it is a tool and not a habit.
#include "07_tinyllama/journey/step_timer.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {

double step_timer_synchronized(cudaStream_t stream) {
  WB_CUDA_CHECK(cudaStreamSynchronize(stream));
  return host_clock_ms();
}

WB_REGISTER(StepTimer, synchronized, step_timer_synchronized);

}  // namespace wb
