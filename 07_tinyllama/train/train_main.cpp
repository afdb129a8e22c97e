// train: see docs/training.md, or train --help.
#include <unistd.h>

#include <iostream>

#include "07_tinyllama/train/run.h"
#include "07_tinyllama/trainer/selection/worker.h"

int main(int argc, char** argv) {
  if (wb::is_worker(argc, argv)) return wb::worker_main();  // measures kernels for its parent
  return wb::train_main(argc, argv, std::cout, std::cerr, isatty(STDERR_FILENO) == 1);
}
