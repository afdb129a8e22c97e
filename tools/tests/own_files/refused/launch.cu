// Expect: launch.cu:6: <<< without >>>(arguments)
__global__ void nothing() {}

int main() {
  // clang-format off
  nothing<<<1, 1>>();
  // clang-format on
}
