// Component: a training step on a tape, from tokens to the loss, and what has to be played backward from it.
#pragma once

#include "07_tinyllama/fixits/taped_model.h"

namespace wb {

/// Runs the model on a batch, writes the mean loss, and records on the tape all that is needed to get the
/// gradient of the mean loss for every parameter: played backward, it adds them to the gradients, which are 0
/// before. On the default stream; does not wait.
struct TapedForward {
  static constexpr const char* kName = "taped_forward";
  using Function = void(TapedModel& model,   //
                        const int* tokens,   // (B, T), on the device
                        const int* targets,  // (B, T), on the device
                        float* loss,         // (1), on the device
                        Tape& tape);
};

}  // namespace wb
