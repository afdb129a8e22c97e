// Expect: wmma.cu:5: error: static assertion failed: the CPU device (simt) has no such wmma fragment
#include <mma.h>

__global__ void kernel() {
  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, __half> sums;
}

int main() {
  return 0;
}
