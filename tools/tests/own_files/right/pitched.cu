// A matrix with padded rows: cudaMallocPitch, cudaMemset2D, cudaMemcpy2D.
// Prints: padded rows: yes, 0 wrong
#include <stdio.h>

__global__ void scale(char* matrix, size_t pitch, int width, int height, float factor) {
  int column = blockIdx.x * blockDim.x + threadIdx.x;
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (column < width && row < height) {
    float* start = (float*)(matrix + row * pitch);
    start[column] = factor * start[column] + 1.0f;
  }
}

int main() {
  const int width = 100, height = 50;
  float in[height][width], out[height][width];
  for (int r = 0; r < height; r++)
    for (int c = 0; c < width; c++) in[r][c] = r + c;
  char* matrix;
  size_t pitch;
  cudaMallocPitch((void**)&matrix, &pitch, width * sizeof(float), height);
  cudaMemset2D(matrix, pitch, 0, width * sizeof(float), height);
  cudaMemcpy2D(matrix, pitch, in, sizeof(in[0]), width * sizeof(float), height, cudaMemcpyHostToDevice);
  dim3 block(16, 16), grid((width + 15) / 16, (height + 15) / 16);
  scale<<<grid, block>>>(matrix, pitch, width, height, 2.0f);
  cudaMemcpy2D(out, sizeof(out[0]), matrix, pitch, width * sizeof(float), height, cudaMemcpyDeviceToHost);
  int wrong = 0;
  for (int r = 0; r < height; r++)
    for (int c = 0; c < width; c++) wrong += out[r][c] != 2.0f * (r + c) + 1.0f;
  printf("padded rows: %s, %d wrong\n", pitch >= width * sizeof(float) ? "yes" : "no", wrong);
  cudaFree(matrix);
  return wrong;
}
