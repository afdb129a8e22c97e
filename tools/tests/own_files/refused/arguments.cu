// Expect: arguments.cu:7: error: the kernel takes (int*, int), but the launch passes (float*&, int)
__global__ void fill(int* p, int n) {}

int main() {
  float* p;
  cudaMalloc(&p, 4);
  fill<<<1, 1>>>(p, 1);
}
