// Expect: shared_outside.cu:2: the CPU device needs extern __shared__ inside the kernel
extern __shared__ float values[];

__global__ void one() {
  values[0] = 1;
}

int main() {
  one<<<1, 1, 4>>>();
}
