// Expect: wmma.cu:2: error: the CPU device (simt) has no tensor cores
#include <mma.h>

int main() {
  return 0;
}
