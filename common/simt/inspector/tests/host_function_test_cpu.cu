// Functions of cudaLaunchHostFunc: steps of their stream, which may tell the host how far it is.
#include <algorithm>
#include <atomic>

#include "inspector/tests/ladder.h"

using namespace ladder;

namespace {

constexpr int kElements = 256;
constexpr std::size_t kBytes = kElements * sizeof(float);

constexpr int kScale = __LINE__ + 2;
__global__ void scale(float* data) {
  data[blockIdx.x * 64 + threadIdx.x] *= 2;
}

// Two streams that nothing orders, and memory that is ready.
struct Setting {
  cudaStream_t first, second;
  float *data = zeros<float>(kElements), *managed = nullptr, *pinned = nullptr;

  Setting() {
    cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
    cudaMallocManaged(&managed, kBytes);
    cudaMemset(managed, 0, kBytes);
    cudaMallocHost(&pinned, kBytes);
    std::fill_n(pinned, kElements, 0.0f);
    cudaDeviceSynchronize();
  }
  void copy(cudaStream_t stream) const {
    cudaMemcpyAsync(pinned, data, kBytes, cudaMemcpyDeviceToHost, stream);
  }
};
constexpr int kCopy = __LINE__ - 3;

// What must be reported, with these two lines.
void expect_race(void (*work)(const Setting&), int line, int other_line) {
  Setting setting;
  const auto found = findings([&] { work(setting); });
  ASSERT_FALSE(found.empty()) << "no finding";
  EXPECT_EQ(found[0].what, What::kStreamRace) << all(found);
  std::vector<int> lines;
  for (const auto& party : found[0].parties) lines.push_back(party.line);
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<int>{std::min(line, other_line), std::max(line, other_line)})) << all(found);
}
void expect_none(void (*work)(const Setting&)) {
  Setting setting;
  const auto found = findings([&] { work(setting); });
  EXPECT_TRUE(found.empty()) << all(found);
}

volatile float sink;
std::atomic<bool> gate, arrived;
void wait_at_gate(void*) {
  while (!gate) {
  }
}
void arrive(void*) {
  arrived = true;
}
void wait_until_arrived() {
  while (!arrived) {
  }
}

TEST(HostFunction, TellsTheHostWhatIsDone) {
  expect_none([](const Setting& s) {
    arrived = false;
    s.copy(s.first);
    cudaLaunchHostFunc(s.first, arrive, nullptr);
    wait_until_arrived();
    sink += s.pinned[3];
  });
}

// What the host submits to another stream after it has waited comes after the function.
TEST(HostFunction, OrdersAnotherStreamOnceTheHostHasWaited) {
  expect_none([](const Setting& s) {
    arrived = false;
    scale<<<4, 64, 0, s.first>>>(s.data);
    cudaLaunchHostFunc(s.first, arrive, nullptr);
    wait_until_arrived();
    scale<<<4, 64, 0, s.second>>>(s.data);
  });
}
TEST(HostFunction, OrdersNothingThatWasSubmittedBeforeItRan) {
  expect_race(
      [](const Setting& s) {
        gate = arrived = false;
        cudaLaunchHostFunc(s.first, wait_at_gate, nullptr);
        scale<<<4, 64, 0, s.first>>>(s.data);
        cudaLaunchHostFunc(s.first, arrive, nullptr);
        scale<<<4, 64, 0, s.second>>>(s.data);
        gate = true;
      },
      kScale, kScale);
}

// What the function does itself is done in its stream.
constexpr int kRead = __LINE__ + 2;
void read_one(void* values) {
  sink += static_cast<float*>(values)[3];
}
TEST(HostFunction, ReadsInItsStream) {
  expect_none([](const Setting& s) {
    s.copy(s.first);
    cudaLaunchHostFunc(s.first, read_one, s.pinned);
    s.copy(s.first);
  });
  expect_none([](const Setting& s) {
    scale<<<4, 64, 0, s.first>>>(s.managed);
    cudaLaunchHostFunc(s.first, read_one, s.managed);
    scale<<<4, 64, 0, s.first>>>(s.managed);
  });
}
TEST(HostFunction, ReadsWhatAnotherStreamWrites) {
  expect_race(
      [](const Setting& s) {
        s.copy(s.first);
        cudaLaunchHostFunc(s.second, read_one, s.pinned);
      },
      kCopy, kRead);
}
TEST(HostFunction, ReadsManagedMemoryOfAKernelInAnotherStream) {
  expect_race(
      [](const Setting& s) {
        scale<<<4, 64, 0, s.first>>>(s.managed);
        cudaLaunchHostFunc(s.second, read_one, s.managed);
      },
      kScale, kRead);
  expect_race(
      [](const Setting& s) {
        gate = false;
        cudaLaunchHostFunc(s.second, wait_at_gate, nullptr);
        cudaLaunchHostFunc(s.second, read_one, s.managed);
        scale<<<4, 64, 0, s.first>>>(s.managed);
        gate = true;
      },
      kScale, kRead);
}

}  // namespace
