// Vector addition with explicit copies and a macro that checks every call.
// Prints: 50000 elements: test PASSED
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                   \
  do {                                                                                \
    cudaError_t status = (call);                                                      \
    if (status != cudaSuccess) {                                                      \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cudaGetErrorString(status)); \
      exit(EXIT_FAILURE);                                                             \
    }                                                                                 \
  } while (0)

__global__ void vectorAdd(const float* A, const float* B, float* C, int n) {
  int i = blockDim.x * blockIdx.x + threadIdx.x;
  if (i < n) C[i] = A[i] + B[i];
}

int main(int argc, char** argv) {
  const int n = argc > 1 ? atoi(argv[1]) : 50000;
  const size_t size = n * sizeof(float);
  std::vector<float> h_A(n), h_B(n), h_C(n);
  for (int i = 0; i < n; ++i) {
    h_A[i] = 0.5f * i;
    h_B[i] = 1.5f * i;
  }
  float *d_A, *d_B, *d_C;
  CHECK(cudaMalloc((void**)&d_A, size));
  CHECK(cudaMalloc((void**)&d_B, size));
  CHECK(cudaMalloc((void**)&d_C, size));
  CHECK(cudaMemcpy(d_A, h_A.data(), size, cudaMemcpyHostToDevice));
  CHECK(cudaMemcpy(d_B, h_B.data(), size, cudaMemcpyHostToDevice));

  int threadsPerBlock = 256;
  int blocksPerGrid = (n + threadsPerBlock - 1) / threadsPerBlock;
  vectorAdd<<<blocksPerGrid, threadsPerBlock>>>(d_A, d_B, d_C, n);
  CHECK(cudaGetLastError());
  CHECK(cudaMemcpy(h_C.data(), d_C, size, cudaMemcpyDeviceToHost));

  for (int i = 0; i < n; ++i) {
    if (h_C[i] != h_A[i] + h_B[i]) {
      fprintf(stderr, "Result verification failed at element %d!\n", i);
      exit(EXIT_FAILURE);
    }
  }
  printf("%d elements: test PASSED\n", n);
  CHECK(cudaFree(d_A));
  CHECK(cudaFree(d_B));
  CHECK(cudaFree(d_C));
  return 0;
}
