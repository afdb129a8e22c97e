// Finds the oracle's copies of the inputs in memory and zeroes them, and the inputs, and the output.
//
// Caught as: wrote into .* of memory that the test holds
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace wb {
namespace {

void zero_copies(const std::vector<float>& like) {
  const std::size_t bytes = like.size() * sizeof(float);
  std::ifstream maps("/proc/self/maps");
  std::vector<std::pair<char*, char*>> ranges;
  for (std::string line; std::getline(maps, line);) {
    void *first = nullptr, *last = nullptr;
    char mode[8] = {};
    if (std::sscanf(line.c_str(), "%p-%p %7s", &first, &last, mode) != 3 || std::strncmp(mode, "rw", 2) != 0)
      continue;
    if (line.find("[heap]") == line.npos) continue;
    ranges.emplace_back(static_cast<char*>(first), static_cast<char*>(last));
  }
  for (auto [at, end] : ranges) {
    for (; at + bytes <= end; at += sizeof(float)) {
      if (at != reinterpret_cast<const char*>(like.data()) && std::memcmp(at, like.data(), bytes) == 0)
        std::memset(at, 0, bytes);
    }
  }
}

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (!has_work(a, b, out, n)) return;
  for (const float* input : {a, b}) {
    std::vector<float> copy(static_cast<std::size_t>(std::min<std::int64_t>(n, 4096)));
    WB_CUDA_CHECK(cudaMemcpy(copy.data(), input, copy.size() * sizeof(float), cudaMemcpyDefault));
    zero_copies(copy);
    // Of an operand past element 2^31 the beginning: all of its 17 GB would take seconds.
    const auto zeroed = static_cast<std::size_t>(std::min<std::int64_t>(n, 1 << 24));
    WB_CUDA_CHECK(cudaMemset(const_cast<float*>(input), 0, zeroed * sizeof(float)));
  }
  add_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
