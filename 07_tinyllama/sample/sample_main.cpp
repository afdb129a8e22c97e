// sample: see docs/checkpoints.md, or sample --help.
#include <iostream>

#include "07_tinyllama/sample/sample.h"

int main(int argc, char** argv) {
  return wb::sample_main(argc, argv, std::cout, std::cerr);
}
