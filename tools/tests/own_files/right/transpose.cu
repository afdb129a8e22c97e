// Transposing a matrix through a tile of shared memory, padded against bank conflicts.
// Prints: 200 x 120: 0 elements differ
#include <assert.h>
#include <stdio.h>

const int TILE_DIM = 32;
const int BLOCK_ROWS = 8;

__global__ void transpose(float* odata, const float* idata, int width, int height) {
  __shared__ float tile[TILE_DIM][TILE_DIM + 1];
  int x = blockIdx.x * TILE_DIM + threadIdx.x;
  int y = blockIdx.y * TILE_DIM + threadIdx.y;
  for (int j = 0; j < TILE_DIM; j += BLOCK_ROWS)
    if (x < width && y + j < height) tile[threadIdx.y + j][threadIdx.x] = idata[(y + j) * width + x];
  __syncthreads();
  x = blockIdx.y * TILE_DIM + threadIdx.x;
  y = blockIdx.x * TILE_DIM + threadIdx.y;
  for (int j = 0; j < TILE_DIM; j += BLOCK_ROWS)
    if (x < height && y + j < width) odata[(y + j) * height + x] = tile[threadIdx.x][threadIdx.y + j];
}

int main() {
  const int width = 200, height = 120;
  static float in[height][width], out[width][height];
  for (int r = 0; r < height; r++)
    for (int c = 0; c < width; c++) in[r][c] = r * width + c;
  float *d_in, *d_out;
  assert(cudaMalloc(&d_in, sizeof in) == cudaSuccess);
  assert(cudaMalloc(&d_out, sizeof out) == cudaSuccess);
  cudaMemcpy(d_in, in, sizeof in, cudaMemcpyHostToDevice);
  dim3 grid((width + TILE_DIM - 1) / TILE_DIM, (height + TILE_DIM - 1) / TILE_DIM, 1);
  dim3 block(TILE_DIM, BLOCK_ROWS, 1);
  transpose<<<grid, block>>>(d_out, d_in, width, height);
  cudaMemcpy(out, d_out, sizeof out, cudaMemcpyDeviceToHost);
  int wrong = 0;
  for (int r = 0; r < height; r++)
    for (int c = 0; c < width; c++) wrong += out[c][r] != in[r][c];
  printf("%d x %d: %d elements differ\n", width, height, wrong);
  cudaFree(d_in);
  cudaFree(d_out);
  return wrong != 0;
}
