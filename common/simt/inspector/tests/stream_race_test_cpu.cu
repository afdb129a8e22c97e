// Races between streams, and between a stream and the host: found in whatever order they happen to run, and
// not where an event, a wait or the null stream orders them.
#include <algorithm>
#include <atomic>

#include "inspector/tests/ladder.h"

using namespace ladder;

namespace {

constexpr int kElements = 256;

constexpr int kScale = __LINE__ + 2;
__global__ void scale(float* data) {
  data[blockIdx.x * 64 + threadIdx.x] *= 2;
}
constexpr int kAdd = __LINE__ + 2;
__global__ void add(const float* from, float* to) {
  to[blockIdx.x * 64 + threadIdx.x] += from[blockIdx.x * 64 + threadIdx.x];
}

// Two streams that the null stream does not order, an event, and memory that is ready.
struct Setting {
  cudaStream_t first, second, blocking;
  cudaEvent_t event;
  float* data = zeros<float>(kElements);
  float* other = zeros<float>(kElements);
  float* pinned = nullptr;

  Setting() {
    cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
    cudaStreamCreate(&blocking);
    cudaEventCreate(&event);
    cudaMallocHost(&pinned, kElements * sizeof(float));
    for (int i = 0; i < kElements; ++i) pinned[i] = 0;
    cudaDeviceSynchronize();
  }
  void write(cudaStream_t stream) const { scale<<<4, 64, 0, stream>>>(data); }
  void read(cudaStream_t stream) const { add<<<4, 64, 0, stream>>>(data, other); }
};

// What must be reported, with these two lines, whichever of the two is submitted first.
void expect_race(void (*work)(const Setting&), int line, int other_line) {
  Setting setting;
  const auto found = findings([&] { work(setting); });
  ASSERT_FALSE(found.empty()) << "no finding";
  for (const auto& finding : found) EXPECT_EQ(finding.what, What::kStreamRace) << all(found);
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

TEST(StreamRace, TwoKernels) {
  expect_race([](const Setting& s) { s.write(s.first), s.read(s.second); }, kScale, kAdd);
  expect_race([](const Setting& s) { s.read(s.first), s.write(s.second); }, kScale, kAdd);
  expect_race([](const Setting& s) { s.write(s.first), s.write(s.second); }, kScale, kScale);
}
TEST(StreamRace, TwoReadersOfOneArrayAreNone) {
  expect_none([](const Setting& s) {
    add<<<4, 64, 0, s.first>>>(s.data, s.other);
    add<<<4, 64, 0, s.second>>>(s.data, s.pinned);
  });
}
TEST(StreamRace, HalvesOfOneArrayAreNone) {
  expect_none([](const Setting& s) {
    scale<<<2, 64, 0, s.first>>>(s.data);
    scale<<<2, 64, 0, s.second>>>(s.data + kElements / 2);
  });
}
TEST(StreamRace, OneStreamIsNone) {
  expect_none([](const Setting& s) { s.write(s.first), s.read(s.first), s.write(s.first); });
}

TEST(StreamRace, TheNullStreamOrdersBlockingStreams) {
  expect_none([](const Setting& s) { s.write(nullptr), s.read(s.blocking), s.write(nullptr); });
  expect_race([](const Setting& s) { s.write(nullptr), s.read(s.first); }, kScale, kAdd);
  expect_race([](const Setting& s) { s.write(s.first), s.read(nullptr); }, kScale, kAdd);
}
TEST(StreamRace, TheNullStreamOrdersTwoBlockingStreamsBetweenThem) {
  static cudaStream_t another;
  cudaStreamCreate(&another);
  expect_race([](const Setting& s) { s.write(s.blocking), s.read(another); }, kScale, kAdd);
  expect_none([](const Setting& s) {
    s.write(s.blocking);
    add<<<4, 64>>>(s.other, s.pinned);
    s.read(another);
  });
}

TEST(StreamRace, AnEventOrders) {
  expect_none([](const Setting& s) {
    s.write(s.first);
    cudaEventRecord(s.event, s.first);
    cudaStreamWaitEvent(s.second, s.event, 0);
    s.read(s.second);
  });
}
TEST(StreamRace, AnEventThatIsRecordedTooEarly) {
  expect_race(
      [](const Setting& s) {
        cudaEventRecord(s.event, s.first);
        s.write(s.first);
        cudaStreamWaitEvent(s.second, s.event, 0);
        s.read(s.second);
      },
      kScale, kAdd);
}
TEST(StreamRace, AnEventThatIsAwaitedTooLate) {
  expect_race(
      [](const Setting& s) {
        s.write(s.first);
        cudaEventRecord(s.event, s.first);
        s.read(s.second);
        cudaStreamWaitEvent(s.second, s.event, 0);
      },
      kScale, kAdd);
}
TEST(StreamRace, AnEventOfTheWrongStream) {
  expect_race(
      [](const Setting& s) {
        s.write(s.first);
        cudaEventRecord(s.event, s.second);
        cudaStreamWaitEvent(s.second, s.event, 0);
        s.read(s.second);
      },
      kScale, kAdd);
}
TEST(StreamRace, EventsOrderThroughAThirdStream) {
  expect_none([](const Setting& s) {
    s.write(s.first);
    cudaEventRecord(s.event, s.first);
    cudaStreamWaitEvent(s.blocking, s.event, 0);
    cudaEvent_t next;
    cudaEventCreate(&next);
    cudaEventRecord(next, s.blocking);
    cudaStreamWaitEvent(s.second, next, 0);
    s.read(s.second);
  });
}

TEST(StreamRace, WaitsOfTheHostOrder) {
  expect_none([](const Setting& s) { s.write(s.first), cudaStreamSynchronize(s.first), s.read(s.second); });
  expect_none([](const Setting& s) { s.write(s.first), cudaDeviceSynchronize(), s.read(s.second); });
  expect_none([](const Setting& s) {
    s.write(s.first);
    cudaEventRecord(s.event, s.first);
    cudaEventSynchronize(s.event);
    s.read(s.second);
  });
  expect_none([](const Setting& s) {
    s.write(s.first);
    while (cudaStreamQuery(s.first) != cudaSuccess) {
    }
    s.read(s.second);
  });
}
TEST(StreamRace, AWaitForTheOtherStream) {
  expect_race([](const Setting& s) { s.write(s.first), cudaStreamSynchronize(s.second), s.read(s.second); },
              kScale, kAdd);
}

constexpr std::size_t kBytes = kElements * sizeof(float);
TEST(StreamRace, ACopyBesideAKernel) {
  constexpr int kCopy = __LINE__ + 4, kFill = kCopy + 5;
  expect_race(
      [](const Setting& s) {
        s.write(s.first);
        cudaMemcpyAsync(s.pinned, s.data, kBytes, cudaMemcpyDeviceToHost, s.second);
      },
      kScale, kCopy);
  expect_race(
      [](const Setting& s) {
        cudaMemsetAsync(s.data, 0, kBytes, s.second);
        s.write(s.first);
      },
      kScale, kFill);
}
TEST(StreamRace, AFillOfRowsBesideAKernel) {
  constexpr int kRows = __LINE__ + 3;
  expect_race(
      [](const Setting& s) {
        cudaMemset2DAsync(s.data, 64, 0, 32, 2, s.second);
        s.write(s.first);
      },
      kScale, kRows);
  expect_none([](const Setting& s) {
    cudaMemset2DAsync(s.data, 64, 0, 32, 2, s.first);
    s.write(s.first);
  });
}
TEST(StreamRace, ACopyInTheStreamOfTheKernelIsNone) {
  expect_none([](const Setting& s) {
    cudaMemcpyAsync(s.data, s.pinned, kBytes, cudaMemcpyHostToDevice, s.first);
    s.write(s.first);
    cudaMemcpyAsync(s.pinned, s.data, kBytes, cudaMemcpyDeviceToHost, s.first);
  });
}
TEST(StreamRace, ACopyOfTheOtherHalfIsNone) {
  expect_none([](const Setting& s) {
    scale<<<2, 64, 0, s.first>>>(s.data);
    cudaMemsetAsync(s.data + kElements / 2, 0, kBytes / 2, s.second);
  });
}
TEST(StreamRace, ACopyThatTheKernelOnlyReadsWithIsNone) {
  expect_none([](const Setting& s) {
    s.read(s.first);
    cudaMemcpyAsync(s.pinned, s.data, kBytes, cudaMemcpyDeviceToHost, s.second);
  });
}
// cudaMemcpy waits for blocking streams, and for no others.
TEST(StreamRace, AWaitingCopyBesideAKernel) {
  constexpr int kCopy = __LINE__ + 4;
  expect_race(
      [](const Setting& s) {
        s.write(s.first);
        cudaMemcpy(s.pinned, s.data, kBytes, cudaMemcpyDeviceToHost);
      },
      kScale, kCopy);
  expect_none([](const Setting& s) {
    s.write(s.blocking);
    cudaMemcpy(s.pinned, s.data, kBytes, cudaMemcpyDeviceToHost);
    s.write(s.first);
  });
}
TEST(StreamRace, TwoCopies) {
  constexpr int kFirst = __LINE__ + 3;
  expect_race(
      [](const Setting& s) {
        cudaMemcpyAsync(s.pinned, s.data, kBytes, cudaMemcpyDeviceToHost, s.first);
        cudaMemcpyAsync(s.pinned, s.other, kBytes, cudaMemcpyDeviceToHost, s.second);
      },
      kFirst, kFirst + 1);
}
TEST(StreamRace, ColumnsOfOneMatrixAreNone) {
  expect_none([](const Setting& s) {
    cudaMemcpy2DAsync(s.data, 32, s.pinned, 32, 16, 32, cudaMemcpyHostToDevice, s.first);
    cudaMemcpy2DAsync(s.data + 4, 32, s.pinned, 32, 16, 32, cudaMemcpyHostToDevice, s.second);
  });
}

float sink = 0;
TEST(StreamRace, TheHostReadsWhatACopyBrings) {
  constexpr int kCopy = __LINE__ + 3;
  expect_race(
      [](const Setting& s) {
        cudaMemcpyAsync(s.pinned, s.data, kBytes, cudaMemcpyDeviceToHost, s.first);
        sink += s.pinned[3];
      },
      kCopy, kCopy + 1);
  expect_none([](const Setting& s) {
    cudaMemcpyAsync(s.pinned, s.data, kBytes / 2, cudaMemcpyDeviceToHost, s.first);
    sink += s.pinned[kElements - 1];
    cudaStreamSynchronize(s.first);
    sink += s.pinned[3];
  });
}
TEST(StreamRace, TheHostWritesWhatACopyTakes) {
  constexpr int kCopy = __LINE__ + 3;
  expect_race(
      [](const Setting& s) {
        cudaMemcpyAsync(s.data, s.pinned, kBytes, cudaMemcpyHostToDevice, s.first);
        s.pinned[3] = 1;
      },
      kCopy, kCopy + 1);
  expect_none([](const Setting& s) {
    s.pinned[3] = 1;
    cudaMemcpyAsync(s.data, s.pinned, kBytes, cudaMemcpyHostToDevice, s.first);
    sink += s.pinned[3];
  });
}

// A kernel that waits behind a gate runs after the host's access; without one, most likely before.
std::atomic<bool> gate;
void wait_at_gate(void*) {
  while (!gate) {
  }
}
float* managed_zeros() {
  float* managed = nullptr;
  cudaMallocManaged(&managed, kBytes);
  cudaMemset(managed, 0, kBytes);
  cudaDeviceSynchronize();
  return managed;
}
constexpr int kHostRead = __LINE__ + 6;
void read_beside_kernel(bool late) {
  float* managed = managed_zeros();
  gate = false;
  if (late) cudaLaunchHostFunc(nullptr, wait_at_gate, nullptr);
  scale<<<4, 64>>>(managed);
  sink += managed[3];
  gate = true;
}
TEST(StreamRace, TheHostReadsManagedMemoryTooEarly) {
  for (const bool late : {false, true}) {
    const auto found = findings([&] { read_beside_kernel(late); });
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].what, What::kStreamRace) << all(found);
    EXPECT_NE(all(found).find("read by the host"), std::string::npos) << all(found);
    EXPECT_EQ(found[0].parties[0].line + found[0].parties[1].line, kScale + kHostRead) << all(found);
  }
}
TEST(StreamRace, TheHostReadsManagedMemoryInTime) {
  EXPECT_CLEAN([] {
    float* managed = managed_zeros();
    managed[3] = 1;
    managed[3] = 2;
    scale<<<4, 64>>>(managed);
    cudaDeviceSynchronize();
    sink += managed[3];
    scale<<<4, 64>>>(managed);
  });
}

// The host adds beside a kernel by compare-and-swap: what it reads first is a guess.
__global__ void add_beside_host(int* sum) {
  atomicAdd_system(sum, 1);
}
TEST(StreamRace, TheHostMayGuessWhatACompareAndSwapChecks) {
  EXPECT_CLEAN([] {
    int* sum = reinterpret_cast<int*>(managed_zeros());
    add_beside_host<<<4, 64>>>(sum);
    int expected = 0;
    do {
      expected = *sum;
    } while (__sync_val_compare_and_swap(sum, expected, expected + 1) != expected);
    cudaDeviceSynchronize();
  });
}

}  // namespace
