// Variables of the device at namespace scope: copied to and from by their symbols, and counted up by kernels.
// Prints: counter 101, visits 96, table 2 ... 14
// Prints: counter 0
#include <stdio.h>

__device__ int counter = 5;
__device__ float table[8];
__managed__ int visits = 0;

__global__ void kernel() {
  atomicAdd(&counter, 1);
  atomicAdd(&visits, 1);
  if (threadIdx.x < 8 && blockIdx.x == 0) table[threadIdx.x] *= 2.0f;
}

int main() {
  float h_table[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  cudaMemcpyToSymbol(table, h_table, sizeof(h_table));
  kernel<<<3, 32>>>();
  cudaDeviceSynchronize();
  int h_counter;
  cudaMemcpyFromSymbol(&h_counter, counter, sizeof(int));
  cudaMemcpyFromSymbol(h_table, table, sizeof(table));
  printf("counter %d, visits %d, table %g ... %g\n", h_counter, visits, h_table[1], h_table[7]);
  void* address;
  cudaGetSymbolAddress(&address, counter);
  cudaMemset(address, 0, sizeof(int));
  cudaMemcpyFromSymbol(&h_counter, counter, sizeof(int));
  printf("counter %d\n", h_counter);
  return 0;
}
