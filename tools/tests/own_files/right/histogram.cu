// A histogram of a text: counts in shared memory first, then one atomic addition per block and letter.
// Prints: a:5 b:1 c:2 d:0 e:5 f:1 g:2 h:2 i:4 j:1 k:1 l:4 m:4 n:2 o:6 p:4 q:1 r:7 s:7 t:2 u:2 v:2 w:2 x:1 y:1
// z:0
#include <cstdio>
#include <cstring>

#define LETTERS 26

__global__ void histogram(const char* text, unsigned int length, unsigned int* counts) {
  __shared__ unsigned int local[LETTERS];
  for (unsigned int bin = threadIdx.x; bin < LETTERS; bin += blockDim.x) local[bin] = 0u;
  __syncthreads();
  for (unsigned int i = blockIdx.x * blockDim.x + threadIdx.x; i < length; i += blockDim.x * gridDim.x) {
    int letter = text[i] - 'a';
    if (letter >= 0 && letter < LETTERS) atomicAdd(&local[letter], 1);
  }
  __syncthreads();
  for (unsigned int bin = threadIdx.x; bin < LETTERS; bin += blockDim.x)
    if (local[bin] > 0) atomicAdd(&counts[bin], local[bin]);
}

int main() {
  const char* text = "programming massively parallel processors is what the quick brown fox jumps over";
  unsigned int length = strlen(text), h_counts[LETTERS];
  char* d_text;
  unsigned int* d_counts;
  cudaMalloc((void**)&d_text, length);
  cudaMalloc((void**)&d_counts, sizeof(h_counts));
  cudaMemcpy(d_text, text, length, cudaMemcpyHostToDevice);
  cudaMemset(d_counts, 0, sizeof(h_counts));
  histogram<<<2, 64>>>(d_text, length, d_counts);
  cudaMemcpy(h_counts, d_counts, sizeof(h_counts), cudaMemcpyDeviceToHost);
  for (int i = 0; i < LETTERS; i++) printf("%c:%u ", 'a' + i, h_counts[i]);
  printf("\n");
  cudaFree(d_text);
  cudaFree(d_counts);
  return 0;
}
