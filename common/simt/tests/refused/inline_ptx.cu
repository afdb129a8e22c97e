__global__ void kernel() {
  asm volatile("cp.async.wait_all;");
}
