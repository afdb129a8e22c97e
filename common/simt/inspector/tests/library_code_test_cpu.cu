// The linker keeps one copy of each function of std::string. Here it is an inspected one: this file comes
// first, and is compiled without inlining (CMakeLists.txt). The inspector calls it to describe a finding.
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "inspector/tests/ladder.h"

using namespace ladder;

namespace {

constexpr int kRace = __LINE__ + 2;
__global__ void share_one_element(float* data) {
  data[0] = static_cast<float>(threadIdx.x);
}

TEST(LibraryCode, MayBeInspected) {
  // Copies in a stream from most of the heap: accesses of the host in between matter.
  cudaStream_t stream = nullptr;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  const auto low = std::make_unique<std::vector<float>>(16);
  const std::string text(100000, 'x');
  const std::vector<float> high(1 << 20);
  float* data = zeros<float>(64);
  cudaDeviceSynchronize();
  std::istringstream lines(text + "\n" + text);
  std::string line, all_lines;
  while (std::getline(lines, line)) all_lines.append(line) += "\n";
  const auto found = findings([&] {
    cudaMemcpyAsync(data, low->data(), 16 * sizeof(float), cudaMemcpyHostToDevice, stream);
    cudaMemcpyAsync(data, high.data(), 16 * sizeof(float), cudaMemcpyHostToDevice, stream);
    cudaStreamSynchronize(stream);
    share_one_element<<<1, 64, 0, stream>>>(data);
  });
  EXPECT_EQ(all_lines.size(), 2 * text.size() + 2);
  expect_only(found, What::kGlobalRace, {kRace, kRace});
}

}  // namespace
