// Rung 17: streams and events. Work is asynchronous, in order within a stream, ordered between streams by
// events and by the null stream; events measure time.
#include <chrono>

#include "common/simt/tests/ladder.h"

namespace {

// A kernel that ends only when the host says so: whatever the host does before is done while the kernel runs.
// Declared last, so that a test that fails opens it before anything waits for the device.
class Gate {
 public:
  Gate() {
    WB_CUDA_CHECK(cudaHostAlloc(&flag_, sizeof(int), cudaHostAllocMapped));
    close();
  }
  ~Gate() {
    open();
    static_cast<void>(cudaDeviceSynchronize());
    static_cast<void>(cudaFreeHost(const_cast<int*>(flag_)));
  }
  void open() { *flag_ = 1; }
  void close() { *flag_ = 0; }
  const volatile int* flag() const { return flag_; }

 private:
  volatile int* flag_ = nullptr;
};

class Stream {
 public:
  explicit Stream(unsigned flags = cudaStreamDefault) {
    WB_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, flags));
  }
  ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { WB_CUDA_CHECK(cudaEventCreate(&event_)); }
  ~Event() { static_cast<void>(cudaEventDestroy(event_)); }
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

__global__ void wait_for(const volatile int* flag) {
  while (*flag == 0) {
  }
}
__global__ void set(int* out, int value) {
  *out = value;
}
__global__ void multiply_add(int* out, int factor, int addend) {
  *out = *out * factor + addend;
}

int read(const int* device) {
  int value = 0;
  WB_CUDA_CHECK(cudaMemcpy(&value, device, sizeof(int), cudaMemcpyDeviceToHost));
  return value;
}

class Streams : public testing::Test {
 protected:
  // A GPU may load a kernel's code at its first launch, and wait for the device to do so. Not while a gate is
  // closed.
  static void SetUpTestSuite() {
    wb::DeviceBuffer<int> value(1);
    Gate gate;
    gate.open();
    wait_for<<<1, 1>>>(gate.flag());
    set<<<1, 1>>>(value.data(), 0);
    multiply_add<<<1, 1>>>(value.data(), 0, 0);
    WB_CUDA_CHECK(cudaDeviceSynchronize());
  }
  // "Not ready" counts as an error of the thread: leave none behind.
  void TearDown() override { static_cast<void>(cudaGetLastError()); }
};

TEST_F(Streams, ALaunchReturnsBeforeTheKernelEnds) {
  Stream stream;
  Gate gate;
  wait_for<<<1, 1, 0, stream>>>(gate.flag());
  WB_CHECK_LAUNCH();
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
  gate.open();
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(stream), cudaSuccess);
}

TEST_F(Streams, OrderWithinAStream) {
  wb::DeviceBuffer<int> value(1);
  Stream stream;
  set<<<1, 1, 0, stream>>>(value.data(), 1);
  constexpr int kLaunches = 18;  // 3^18 fits an int
  for (int i = 0; i < kLaunches; ++i) multiply_add<<<1, 1, 0, stream>>>(value.data(), 3, i % 2);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  int expected = 1;
  for (int i = 0; i < kLaunches; ++i) expected = expected * 3 + i % 2;
  EXPECT_EQ(read(value.data()), expected);
}

TEST_F(Streams, OneStreamDoesNotHoldUpAnother) {
  Stream held(cudaStreamNonBlocking), other(cudaStreamNonBlocking);
  wb::DeviceBuffer<int> value(1);
  Gate gate;
  wait_for<<<1, 1, 0, held>>>(gate.flag());
  set<<<1, 1, 0, other>>>(value.data(), 8);
  EXPECT_EQ(cudaStreamSynchronize(other), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(held), cudaErrorNotReady);
  gate.open();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(read(value.data()), 8);
}

TEST_F(Streams, TheNullStreamWaitsForBlockingStreamsAndTheyForIt) {
  Stream blocking, free(cudaStreamNonBlocking);
  wb::DeviceBuffer<int> value(1), other(1);
  Gate gate;
  wait_for<<<1, 1, 0, blocking>>>(gate.flag());
  set<<<1, 1>>>(value.data(), 1);  // behind the gate
  set<<<1, 1, 0, free>>>(other.data(), 4);
  EXPECT_EQ(cudaStreamSynchronize(free), cudaSuccess);  // a non-blocking stream takes no part
  EXPECT_EQ(cudaStreamQuery(nullptr), cudaErrorNotReady);
  multiply_add<<<1, 1, 0, blocking>>>(value.data(), 10, 2);
  gate.open();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(read(value.data()), 12);
  EXPECT_EQ(read(other.data()), 4);
}

TEST_F(Streams, AnEventOrdersTwoStreams) {
  Stream first(cudaStreamNonBlocking), second(cudaStreamNonBlocking);
  Event event;
  wb::DeviceBuffer<int> value(1);
  Gate gate;
  wait_for<<<1, 1, 0, first>>>(gate.flag());
  set<<<1, 1, 0, first>>>(value.data(), 5);
  ASSERT_EQ(cudaEventRecord(event, first), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(second, event, 0), cudaSuccess);
  multiply_add<<<1, 1, 0, second>>>(value.data(), 2, 1);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);
  EXPECT_EQ(cudaStreamQuery(second), cudaErrorNotReady);
  gate.open();
  EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(second), cudaSuccess);
  EXPECT_EQ(read(value.data()), 11);
}

TEST_F(Streams, EventsMeasureTime) {
  Event start, stop;
  Gate gate;
  ASSERT_EQ(cudaEventRecord(start), cudaSuccess);
  wait_for<<<1, 1>>>(gate.flag());
  ASSERT_EQ(cudaEventRecord(stop), cudaSuccess);
  float milliseconds = -1;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, start, stop), cudaErrorNotReady);
  // The kernel runs at least for as long as this loop.
  ASSERT_EQ(cudaEventSynchronize(start), cudaSuccess);
  const auto from = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - from < std::chrono::milliseconds(5)) {
  }
  gate.open();
  ASSERT_EQ(cudaEventSynchronize(stop), cudaSuccess);
  ASSERT_EQ(cudaEventElapsedTime(&milliseconds, start, stop), cudaSuccess);
  EXPECT_GE(milliseconds, 4.9f);
  EXPECT_LT(milliseconds, 60000.0f);
}

TEST_F(Streams, HostFunctionsTakeTheirTurn) {
  wb::DeviceBuffer<int> value(1);
  Stream stream;
  int* pinned = nullptr;
  WB_CUDA_CHECK(cudaMallocHost(&pinned, sizeof(int)));
  *pinned = 0;
  struct Note {
    const int* source;
    int seen;
  } note{pinned, -1};
  set<<<1, 1, 0, stream>>>(value.data(), 6);
  WB_CUDA_CHECK(cudaMemcpyAsync(pinned, value.data(), sizeof(int), cudaMemcpyDeviceToHost, stream));
  WB_CUDA_CHECK(cudaLaunchHostFunc(
      stream,
      [](void* p) {
        auto* n = static_cast<Note*>(p);
        n->seen = *n->source;
      },
      &note));
  set<<<1, 1, 0, stream>>>(value.data(), 7);
  WB_CUDA_CHECK(cudaStreamSynchronize(stream));
  EXPECT_EQ(note.seen, 6);
  EXPECT_EQ(read(value.data()), 7);
  WB_CUDA_CHECK(cudaFreeHost(pinned));
}

TEST_F(Streams, DestroyingAStreamLetsItsWorkFinish) {
  wb::DeviceBuffer<int> value(1);
  Gate gate;
  {
    Stream stream(cudaStreamNonBlocking);
    wait_for<<<1, 1, 0, stream>>>(gate.flag());
    set<<<1, 1, 0, stream>>>(value.data(), 3);
  }
  gate.open();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(read(value.data()), 3);
}

TEST_F(Streams, WhatIsNotReadyOrNotThere) {
  Event unrecorded, recorded;
  EXPECT_EQ(cudaEventQuery(unrecorded), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(unrecorded), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(recorded), cudaSuccess);
  ASSERT_EQ(cudaEventSynchronize(recorded), cudaSuccess);
  float milliseconds = 0;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, unrecorded, recorded), cudaErrorInvalidResourceHandle);
}

}  // namespace
