#include <mma.h>
using namespace nvcuda;
__global__ void kernel(const float* in) {
  wmma::fragment<wmma::matrix_a, 16, 16, 8, wmma::precision::tf32, wmma::row_major> a;
}
