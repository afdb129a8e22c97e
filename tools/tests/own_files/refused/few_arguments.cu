// Expect: few_arguments.cu:7: error: too few arguments to function ‘void fill(int*, int)’
__global__ void fill(int* p, int n) {}

int main() {
  int* p;
  cudaMalloc(&p, 4);
  fill<<<1, 1>>>(p);
}
