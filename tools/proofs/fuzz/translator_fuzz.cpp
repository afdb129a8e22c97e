// simt's translator: any source is translated or refused with a line that exists, and no line moves.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tools/proofs/fuzz/fuzz.h"
#include "translator/rewrite.h"

namespace wb::fuzz {

void try_input(std::string_view input) {
  const auto lines = std::count(input.begin(), input.end(), '\n');
  try {
    const std::string translated = simt::translator::rewrite(input);
    if (std::count(translated.begin(), translated.end(), '\n') != lines) std::abort();
  } catch (const simt::translator::Error& error) {
    if (error.line() < 1 || error.line() > lines + 1) std::abort();
  }
}

std::vector<std::string> seeds() {
  std::vector<std::string> found;
  for (const char* name : {"01_vector_add/vector_add_solution.cu", "02_matmul/matmul_solution.cu",
                           "03_softmax/softmax_solution.cu", "common/simt/tests/04_shared_memory.cu",
                           "common/simt/tests/05_barrier.cu", "common/simt/tests/02_launch.cu"}) {
    std::ifstream file(std::string(WB_ROOT "/") + name, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!text.str().empty()) found.push_back(text.str());
  }
  found.emplace_back("k<A<B<int>>, (x > 3)><<<dim3{1, 2}, n >> 5, sizeof(C<D<int>>), s>>>(a, b);");
  found.emplace_back(
      "__global__ void k() { extern __shared__ float s[]; __shared__ struct { int a[4]; } t, u[2]; }");
  found.emplace_back("auto t = R\"x(<<<)x\"; // \\\n<<<\n#define L(k) k<<<1, 1>>>()\n");
  return found;
}

std::vector<std::string> words() {
  return {"<<<",
          ">>>",
          "<",
          ">",
          ">>",
          "(",
          ")",
          "{",
          "}",
          "[",
          "]",
          ";",
          ",",
          "::",
          "->",
          "=",
          "__shared__",
          "extern __shared__ ",
          "extern",
          "static",
          "alignas(16)",
          "__align__(8)",
          "struct",
          "template",
          "operator",
          "namespace",
          "return",
          "R\"(",
          ")\"",
          "\"",
          "'",
          "\\\n",
          "\n",
          "/*",
          "*/",
          "//",
          "#if 1\n",
          "#endif\n",
          "#define X ",
          "asm",
          "__noinline__",
          "u8",
          "1'000",
          "0x1p-3"};
}

}  // namespace wb::fuzz
