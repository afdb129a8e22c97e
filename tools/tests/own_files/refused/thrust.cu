// Expect: thrust.cu:2: <thrust/device_vector.h>: the CPU device has no Thrust
#include <thrust/device_vector.h>

int main() {
  thrust::device_vector<int> numbers(10);
  return 0;
}
