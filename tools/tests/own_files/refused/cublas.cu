// Expect: cublas.cu:5: <cublas_v2.h>: the CPU device has no cuBLAS. Write a kernel of your own in its place
// Expect: --device cuda
#include <stdio.h>
// The header may be on this machine or not.
#include <cublas_v2.h>

int main() {
  cublasHandle_t handle;
  return cublasCreate(&handle);
}
