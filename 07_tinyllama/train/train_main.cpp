// train: see docs/training.md, or train --help.
#include <unistd.h>

#include <iostream>

#include "07_tinyllama/train/run.h"

int main(int argc, char** argv) {
  return wb::train_main(argc, argv, std::cout, std::cerr, isatty(STDERR_FILENO) == 1);
}
