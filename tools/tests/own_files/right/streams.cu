// Copies and kernels in four streams, in pinned memory.
// Prints: max error below 1e-5: yes
#include <cstdio>

__global__ void kernel(float* a, int offset) {
  int i = offset + threadIdx.x + blockIdx.x * blockDim.x;
  float x = (float)i;
  float s = sinf(x);
  float c = cosf(x);
  a[i] = a[i] + sqrtf(s * s + c * c);
}

int main() {
  const int blockSize = 256, nStreams = 4, n = 4 * 1024 * nStreams;
  const int streamSize = n / nStreams;
  const int streamBytes = streamSize * sizeof(float);
  float *a, *d_a;
  cudaMallocHost((void**)&a, n * sizeof(float));
  cudaMalloc((void**)&d_a, n * sizeof(float));
  for (int i = 0; i < n; i++) a[i] = 0;

  cudaStream_t stream[nStreams];
  for (int i = 0; i < nStreams; ++i) cudaStreamCreate(&stream[i]);
  for (int i = 0; i < nStreams; ++i) {
    int offset = i * streamSize;
    cudaMemcpyAsync(&d_a[offset], &a[offset], streamBytes, cudaMemcpyHostToDevice, stream[i]);
    kernel<<<streamSize / blockSize, blockSize, 0, stream[i]>>>(d_a, offset);
    cudaMemcpyAsync(&a[offset], &d_a[offset], streamBytes, cudaMemcpyDeviceToHost, stream[i]);
  }
  for (int i = 0; i < nStreams; ++i) cudaStreamSynchronize(stream[i]);
  for (int i = 0; i < nStreams; ++i) cudaStreamDestroy(stream[i]);

  float worst = 0;
  for (int i = 0; i < n; i++) worst = fmaxf(worst, fabsf(a[i] - 1.0f));
  printf("max error below 1e-5: %s\n", worst < 1e-5f ? "yes" : "no");
  cudaFree(d_a);
  cudaFreeHost(a);
}
