// Expect: cub.cu:2: <cub/cub.cuh>: the CPU device has no CUB
#include <cub/cub.cuh>

int main() {
  return 0;
}
