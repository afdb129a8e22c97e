// The process that the selection's tests measure in: it has the planted implementations.
#include "07_tinyllama/trainer/selection/worker.h"

int main(int argc, char** argv) {
  return wb::is_worker(argc, argv) ? wb::worker_main() : 2;
}
