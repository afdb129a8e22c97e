// Expect: syntax.cu:4: error: expected ‘;’ before ‘}’ token
// Expect: syntax.cu does not compile (1 error)
__global__ void one(int* p) {
  *p = 1
}

int main() {
  return 0;
}
