// A run that writes checkpoints, small enough to be killed a hundred times. Not for users: see
// tools/proofs/checkpoint_crash.py and tools/peers/checkpoint_peer.py.
//
//   checkpoint_driver RUN STEPS save   go on from RUN's latest checkpoint up to step STEPS, with a checkpoint
//                                      every step
//   checkpoint_driver RUN STEPS last   one checkpoint, of the last step
//   checkpoint_driver RUN STEPS none   the same steps, without any
//
// Each line names a step and the CRC-32 of all parameters and moments: "loaded 3 0a1b2c3d", "saved 4 ...".
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "07_tinyllama/trainer/checkpoint/checkpoint.h"
#include "07_tinyllama/trainer/checkpoint/crc32.h"

namespace {

constexpr wb::ModelConfig kConfig = {.c = 16, .l = 2, .h = 4, .k = 2, .f = 24, .v = 300, .b = 2, .t = 32};

std::uint32_t fingerprint(wb::Trainer& trainer) {
  trainer.synchronize();
  wb::Optimizer& optimizer = trainer.optimizer();
  std::uint32_t crc = 0;
  for (wb::Arena* arena :
       {&trainer.model().parameters(), &optimizer.first_moment(), &optimizer.second_moment()}) {
    const std::vector<float> values = arena->download();
    crc = wb::crc32(std::as_bytes(std::span(values)), crc);
  }
  return crc;
}

void say(const char* what, wb::Trainer& trainer) {
  fmt::print("{} {} {:08x}\n", what, trainer.steps_done(), fingerprint(trainer));
  std::fflush(stdout);
}

void run(const std::string& folder, int steps, const std::string& mode) {
  wb::Trainer trainer({.config = kConfig,
                       .kernels = wb::select_kernels("auto"),
                       .adamw = {.learning_rate = 3e-3f},
                       .max_steps = steps},
                      wb::Data::random(kConfig, 5));
  if (mode == "none") {
    while (trainer.steps_done() < steps) {
      trainer.step();
      say("stepped", trainer);
    }
    return;
  }
  wb::CheckpointStore store(folder);
  if (wb::has_checkpoint(folder)) {
    wb::load_checkpoint(folder, trainer);
    say("loaded", trainer);
  } else {
    say("began", trainer);
  }
  while (trainer.steps_done() < steps) {
    trainer.step();
    if (mode != "save" && trainer.steps_done() < steps) continue;
    wb::save_checkpoint(store, trainer);
    say("saved", trainer);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: checkpoint_driver RUN STEPS save|last|none\n");
    return 2;
  }
  try {
    run(argv[1], std::atoi(argv[2]), argv[3]);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "checkpoint_driver: {}\n", error.what());
    return 1;
  }
}
