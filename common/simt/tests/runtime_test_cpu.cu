// What the CPU device offers beyond CUDA: host work in stream order, the timeline; and how it lives with
// threads, forks, exits and exceptions.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <simt/failure.h>
#include <simt/stream.h>
#include <simt/timeline.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

__global__ void add(int* data, int value) {
  atomicAdd(data, value);
}
__global__ void forever(const volatile int* flag) {
  while (*flag == 0) {
  }
}

struct Number {
  Number() {
    EXPECT_EQ(cudaMallocManaged(&value, sizeof(int)), cudaSuccess);
    *value = 0;
  }
  ~Number() { static_cast<void>(cudaFree(value)); }
  int* value = nullptr;
};

TEST(Runtime, EnqueuedWorkTakesItsTurn) {
  Number number;
  int* value = number.value;
  std::vector<int> seen;
  add<<<4, 8>>>(value, 1);
  simt::enqueue(nullptr, "look", [&] { seen.push_back(*value); });
  add<<<4, 8>>>(value, 1);
  simt::enqueue(nullptr, "look", [&] { seen.push_back(*value); });
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(seen, (std::vector{32, 64}));
}

// The records of what ran on the device: without the host's waits.
std::vector<simt::TimelineRecord> stop_timeline() {
  auto records = simt::timeline_stop();
  std::erase_if(records, [](const auto& record) { return record.kind == simt::RecordKind::kWait; });
  return records;
}

TEST(Runtime, TimelineNamesKernelsInOrder) {
  Number number;
  simt::timeline_start();
  add<<<4, 8>>>(number.value, 1);
  simt::enqueue(nullptr, "library call", [] {});
  ASSERT_EQ(cudaMemset(number.value, 0, 4), cudaSuccess);
  auto* kernel = add;
  kernel<<<dim3(2, 3), 5, 64>>>(number.value, 2);
  int result = 0;
  ASSERT_EQ(cudaMemcpy(&result, number.value, 4, cudaMemcpyDefault), cudaSuccess);
  const auto records = stop_timeline();
  ASSERT_EQ(records.size(), 5u);
  EXPECT_EQ(result, 60);
  EXPECT_NE(records[0].name.find("add"), std::string::npos);
  EXPECT_EQ(records[1].name, "library call");
  EXPECT_EQ(records[2].name, "cudaMemset");
  EXPECT_EQ(records[3].name, records[0].name) << "a pointer to a kernel has that kernel's name";
  EXPECT_EQ(records[4].name, "cudaMemcpy");
  using enum simt::RecordKind;
  const simt::RecordKind kinds[] = {kKernel, kHostWork, kFill, kKernel, kCopy};
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].kind, kinds[i]);
    EXPECT_EQ(records[i].host_thread, records[0].host_thread);
    EXPECT_EQ(records[i].stream, 0u);
    EXPECT_LE(records[i].submitted_ns, records[i].start_ns);
    EXPECT_LE(records[i].start_ns, records[i].end_ns);
    if (i > 0) {
      EXPECT_LE(records[i - 1].end_ns, records[i].start_ns);
      EXPECT_LE(records[i - 1].submitted_ns, records[i].submitted_ns);
    }
  }
  EXPECT_EQ(records[2].bytes, 4u);
  EXPECT_EQ(records[3].grid.y, 3u);
  EXPECT_EQ(records[3].block.x, 5u);
  EXPECT_EQ(records[3].shared_bytes, 64u);
  EXPECT_EQ(records[4].direction, cudaMemcpyDeviceToHost);
  add<<<1, 1>>>(number.value, 2);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_TRUE(simt::timeline_stop().empty());
}

TEST(Runtime, TimelineNumbersStreamsAndShowsWaits) {
  Number number;
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  simt::timeline_start();
  simt::enqueue(stream, "slow", [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); });
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  const auto records = simt::timeline_stop();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].name, "slow");
  EXPECT_GE(records[0].stream, 1u);
  EXPECT_EQ(records[1].kind, simt::RecordKind::kWait);
  EXPECT_GE(records[1].end_ns, records[0].end_ns);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST(Runtime, TimelineKeepsToItsRoom) {
  Number number;
  simt::timeline_start(3);
  for (int i = 0; i < 5; ++i) add<<<1, 1>>>(number.value, 1);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  std::size_t lost = 0;
  EXPECT_EQ(simt::timeline_stop(&lost).size(), 3u);
  EXPECT_GE(lost, 2u);
}

// A fill is shared by the workers, in parts.
TEST(Runtime, LargeFillReachesEveryByte) {
  constexpr std::size_t kBytes = (3u << 18) + 7;
  unsigned char* memory = nullptr;
  ASSERT_EQ(cudaMalloc(&memory, kBytes + 9), cudaSuccess);
  ASSERT_EQ(cudaMemset(memory, 0x11, kBytes + 9), cudaSuccess);
  ASSERT_EQ(cudaMemset(memory, 0x5a, kBytes), cudaSuccess);
  std::vector<unsigned char> host(kBytes + 9);
  ASSERT_EQ(cudaMemcpy(host.data(), memory, host.size(), cudaMemcpyDeviceToHost), cudaSuccess);
  for (std::size_t i = 0; i < host.size(); ++i) ASSERT_EQ(host[i], i < kBytes ? 0x5a : 0x11) << i;
  EXPECT_EQ(cudaFree(memory), cudaSuccess);
}

TEST(Runtime, ExceptionsInEnqueuedWorkBecomeErrors) {
  simt::enqueue(nullptr, "broken", [] { throw std::runtime_error("no such file"); });
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_NE(simt::last_explanation().find("broken: an exception left the work: no such file"),
            std::string::npos);
  EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST(Runtime, WorkMayNotCallTheRuntime) {
  cudaError_t inside = cudaSuccess;
  simt::enqueue(nullptr, "confused", [&] { inside = cudaDeviceSynchronize(); });
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(inside, cudaErrorNotPermitted);
}

TEST(Runtime, ManyLaunchesFromManyThreads) {
  Number number;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      cudaStream_t stream = nullptr;
      ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
      for (int i = 0; i < 2000; ++i) add<<<3, 1, 0, stream>>>(number.value, 1);  // more than a stream holds
      ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
      ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(*number.value, 4 * 2000 * 3);
}

TEST(Runtime, LastErrorBelongsToTheThread) {
  add<<<1, 5000>>>(nullptr, 1);
  std::thread([] { EXPECT_EQ(cudaGetLastError(), cudaSuccess); }).join();
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
}

TEST(Runtime, ADestroyedStreamIsNoStream) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorInvalidResourceHandle);
  add<<<1, 1, 0, stream>>>(nullptr, 1);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidResourceHandle);
}

// A fork copies one thread: the child starts workers of its own.
TEST(Runtime, TheChildOfAForkHasADevice) {
  Number number;
  add<<<1, 1>>>(number.value, 1);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const pid_t child = fork();
  if (child == 0) {
    add<<<8, 32>>>(number.value, 1);
    const bool works = cudaDeviceSynchronize() == cudaSuccess && *number.value == 257;
    _exit(works ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(*number.value, 1);
}

// Static objects free device memory after the workers have stopped.
struct Late {
  ~Late() {
    if (pointer != nullptr && cudaFree(pointer) != cudaSuccess) _exit(3);
  }
  void* pointer = nullptr;
};
Late late;

void exit_normally() {
  if (cudaMalloc(&late.pointer, 100) != cudaSuccess) std::exit(2);
  add<<<100, 100>>>(static_cast<int*>(late.pointer), 1);
  std::exit(0);
}
void exit_from_a_worker() {
  simt::enqueue(nullptr, "leaves", [] { std::exit(0); });
  static_cast<void>(cudaDeviceSynchronize());
  for (;;) pause();
}
void exit_with_an_endless_kernel() {
  int* flag = nullptr;
  if (cudaMallocManaged(&flag, sizeof(int)) != cudaSuccess) std::exit(2);
  *flag = 0;
  forever<<<1, 1>>>(flag);
  std::exit(0);
}
void leave_by_exception() {
  try {
    Number number;
    add<<<100, 100>>>(number.value, 1);
    throw std::runtime_error("host");
  } catch (const std::runtime_error&) {
  }
  std::exit(cudaDeviceSynchronize() == cudaSuccess ? 0 : 1);
}

TEST(RuntimeDeathTest, ExitsCleanly) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(exit_normally(), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(exit_from_a_worker(), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(exit_with_an_endless_kernel(), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(leave_by_exception(), testing::ExitedWithCode(0), "");
}

TEST(RuntimeDevice, IsTheOnlyOne) {
  int can = -1, mode = -1;
  EXPECT_EQ(cudaDeviceCanAccessPeer(&can, 0, 0), cudaSuccess);
  EXPECT_EQ(can, 0);
  EXPECT_EQ(cudaDeviceCanAccessPeer(&can, 0, 1), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaDeviceEnablePeerAccess(1, 0), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaDeviceGetAttribute(&mode, cudaDevAttrComputeMode, 0), cudaSuccess);
  EXPECT_EQ(mode, cudaComputeModeDefault);
  static_cast<void>(cudaGetLastError());
}

// The forms of CUDA 12, which take the number of a device.
TEST(RuntimeMemory, HintsByDeviceNumber) {
  int *managed = nullptr, *device = nullptr;
  ASSERT_EQ(cudaMallocManaged(&managed, 400), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&device, 400), cudaSuccess);
  EXPECT_EQ(cudaMemPrefetchAsync(managed, 400, 0), cudaSuccess);
  EXPECT_EQ(cudaMemPrefetchAsync(managed, 400, cudaCpuDeviceId, cudaStreamLegacy), cudaSuccess);
  EXPECT_EQ(cudaMemPrefetchAsync(managed, 400, 1), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaMemPrefetchAsync(managed, 401, 0), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemPrefetchAsync(device, 400, 0), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemAdvise(managed, 400, cudaMemAdviseSetReadMostly, 0), cudaSuccess);
  EXPECT_EQ(cudaMemAdvise(device, 400, cudaMemAdviseSetReadMostly, 0), cudaErrorInvalidValue);
  static_cast<void>(cudaGetLastError());
  EXPECT_EQ(cudaFree(managed), cudaSuccess);
  EXPECT_EQ(cudaFree(device), cudaSuccess);
}

void crash_on_the_host() {
  add<<<1, 1>>>(nullptr, 0);
  static_cast<void>(cudaDeviceReset());
  volatile int* nowhere = nullptr;
  *nowhere = 1;
}

TEST(RuntimeDeathTest, CrashesOfTheHostStayCrashes) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(crash_on_the_host(), testing::KilledBySignal(SIGSEGV), "null pointer");
}

TEST(RuntimeDeathTest, DeviceCodeOnTheHostSaysSo) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(__syncthreads(), "__syncthreads was called outside a kernel");
}

}  // namespace
