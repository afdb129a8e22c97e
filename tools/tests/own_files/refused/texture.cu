// Expect: texture.cu:2: the CPU device (simt) has no textures. Write it without
__global__ void read(cudaTextureObject_t texture, float* out) {
  out[threadIdx.x] = tex1Dfetch<float>(texture, threadIdx.x);
}

int main() {
  return 0;
}
