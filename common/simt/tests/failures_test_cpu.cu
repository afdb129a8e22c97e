// Failures speak: each mistake in a kernel ends as CUDA's error code and one line that says where and what.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <simt/failure.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#undef NDEBUG
#include <cassert>

namespace {

// The code that the mistake ends in; the line that explains it is then in simt::last_explanation().
template <class Launch>
cudaError_t outcome(Launch launch) {
  launch();
  const cudaError_t at_launch = cudaGetLastError();
  const cudaError_t code = at_launch != cudaSuccess ? at_launch : cudaDeviceSynchronize();
  EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  return code;
}

#define EXPECT_EXPLAINED(part) \
  EXPECT_NE(simt::last_explanation().find(part), std::string::npos) << simt::last_explanation()

std::string at(int line) {
  return "failures_test_cpu.cu:" + std::to_string(line);
}

constexpr int kDivergeLine = __LINE__ + 3;
__global__ void diverge() {
  if (threadIdx.x < 40) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

TEST(Failures, DivergentBarrier) {
  EXPECT_EQ(outcome([] { diverge<<<3, 64>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("kernel diverge, block (");
  EXPECT_EXPLAINED("40 threads wait in __syncthreads at " + at(kDivergeLine));
  EXPECT_EXPLAINED("24 wait in __syncthreads at " + at(kDivergeLine + 2));
}

constexpr int kStuckLine = __LINE__ + 3;
__global__ void stuck() {
  if (threadIdx.x < 16) {
    __syncwarp();
  } else {
    __syncthreads();
  }
}

TEST(Failures, Deadlock) {
  EXPECT_EQ(outcome([] { stuck<<<1, 32>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("deadlock");
  EXPECT_EXPLAINED("16 threads wait in __syncwarp at " + at(kStuckLine) + " (mask 0xffffffff)");
  EXPECT_EXPLAINED("16 wait in __syncthreads at " + at(kStuckLine + 2));
}

__global__ void left_out() {
  __shfl_sync(0x0000000fu, threadIdx.x, 0);
}
__global__ void different() {
  if (threadIdx.x % 2 == 0) {
    __ballot_sync(0xffffffffu, 1);
  } else {
    __any_sync(0xffffffffu, 1);
  }
}

TEST(Failures, WarpOperationsThatCannotMeet) {
  EXPECT_EQ(outcome([] { left_out<<<1, 32>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("with mask 0x0000000f, which leaves the calling lane 4 out");
  EXPECT_EXPLAINED("thread (4,0,0)");
  EXPECT_EQ(outcome([] { different<<<1, 32>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("__ballot_sync at ");
  EXPECT_EXPLAINED("__any_sync at ");
}

constexpr int kAddLine = __LINE__ + 3;
__global__ void add_at(float* data, int offset) {
  const int i = threadIdx.x + offset;
  data[i] += 1.0f;
}

TEST(Failures, PastTheEnd) {
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 1024), cudaSuccess);
  EXPECT_EQ(outcome([&] { add_at<<<1, 64>>>(data, 200); }), cudaErrorIllegalAddress);
  EXPECT_EXPLAINED("kernel add_at, block (0,0,0), thread (56,0,0): illegal address 0x");
  EXPECT_EXPLAINED("0 bytes past the end of an allocation of 1024 bytes");
  EXPECT_EXPLAINED(", at " + at(kAddLine));
}

TEST(Failures, NullAndFreed) {
  EXPECT_EQ(outcome([] { add_at<<<1, 1>>>(nullptr, 0); }), cudaErrorIllegalAddress);
  EXPECT_EXPLAINED("null pointer");
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 1024), cudaSuccess);
  ASSERT_EQ(cudaFree(data), cudaSuccess);
  EXPECT_EQ(outcome([&] { add_at<<<1, 1>>>(data, 3); }), cudaErrorIllegalAddress);
  EXPECT_EXPLAINED("in an allocation of 1024 bytes that was freed");
}

// The line of a fault is looked up by another program, which gets the path of this one.
TEST(Failures, APathIsNoCommand) {
  namespace fs = std::filesystem;
  const fs::path root = fs::temp_directory_path() / ("simt_failures_" + std::to_string(getpid()));
  const fs::path folder = root / "q'$(touch pwned)'`touch pwned`\"; touch pwned #";
  fs::create_directories(folder);
  fs::copy_file("/proc/self/exe", folder / "program");
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(folder.c_str()) == 0) {
      execl((folder / "program").c_str(), "program", "--gtest_filter=Failures.PastTheEnd", "--gtest_brief=1",
            nullptr);
    }
    _exit(99);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);  // it found the line
  EXPECT_FALSE(fs::exists(folder / "pwned"));
  fs::remove_all(root);
}

__global__ void store4(float* data) {
  *reinterpret_cast<float4*>(data + 1) = make_float4(1, 2, 3, 4);
}

TEST(Failures, Misaligned) {
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 1024), cudaSuccess);
  const cudaError_t code = outcome([&] { store4<<<1, 1>>>(data); });
  // Processors differ in which accesses must be aligned; on x86-64 16-byte vector stores must.
#ifdef __x86_64__
  EXPECT_EQ(code, cudaErrorMisalignedAddress);
  EXPECT_EXPLAINED("misaligned");
#else
  static_cast<void>(code);
#endif
}

__global__ void write_shared(int index) {
  extern __shared__ int tile[];
  tile[index] = 1;
  __syncthreads();
}

TEST(Failures, PastDynamicSharedMemory) {
  EXPECT_EQ(outcome([] { write_shared<<<1, 1, 128>>>(31); }), cudaSuccess);
  EXPECT_EQ(outcome([] { write_shared<<<1, 1, 128>>>(32); }), cudaErrorIllegalAddress);
  EXPECT_EXPLAINED("0 bytes past the end of the 128 bytes of dynamic shared memory");
  EXPECT_EQ(outcome([] { write_shared<<<1, 1>>>(0); }), cudaErrorIllegalAddress);
}

__device__ __noinline__ int recurse(int depth, volatile int* before) {
  volatile int frame[64];
  frame[depth % 64] = depth;
  return depth == 0 ? before[0] : recurse(depth - 1, frame) + frame[depth % 64];
}
__global__ void deep(int* out, int depth) {
  *out = recurse(depth, out);
}

TEST(Failures, StackOverflow) {
  int* out = nullptr;
  ASSERT_EQ(cudaMalloc(&out, 4), cudaSuccess);
  EXPECT_EQ(outcome([&] { deep<<<1, 1>>>(out, 1 << 20); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("kernel deep, block (0,0,0), thread (0,0,0): stack overflow");
}

__global__ void asserts() {
  assert(threadIdx.x != 5);
}
__global__ void traps() {
  if (blockIdx.x == 2) __trap();
}
__global__ void throws() {
  throw 3;
}

TEST(Failures, KernelsThatGiveUp) {
  EXPECT_EQ(outcome([] { asserts<<<1, 32>>>(); }), cudaErrorAssert);
  EXPECT_EXPLAINED("thread (5,0,0)");
  EXPECT_EXPLAINED("Assertion `threadIdx.x != 5' failed");
  EXPECT_EQ(outcome([] { traps<<<4, 1>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("block (2,0,0), thread (0,0,0): __trap() at ");
  EXPECT_EQ(outcome([] { throws<<<1, 1>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("exception");
}

__global__ void inner() {}
__global__ void outer() {
  inner<<<1, 1>>>();
}

TEST(Failures, DynamicParallelismIsRefused) {
  EXPECT_EQ(outcome([] { outer<<<1, 1>>>(); }), cudaErrorNotSupported);
  EXPECT_EXPLAINED("no dynamic parallelism");
}

TEST(Failures, LaunchesThatCannotBe) {
  EXPECT_EQ(outcome([] { inner<<<1, 2048>>>(); }), cudaErrorInvalidConfiguration);
  EXPECT_EXPLAINED("kernel inner was not launched: a block of (2048,1,1) = 2048 threads; the limit is 1024");
  EXPECT_EQ(outcome([] { inner<<<1, 1, 100000>>>(); }), cudaErrorInvalidValue);
  EXPECT_EXPLAINED("100000 bytes of dynamic shared memory; the limit is 49152; cudaFuncSetAttribute");
  EXPECT_EQ(outcome([] { inner<<<0, 1>>>(); }), cudaErrorInvalidConfiguration);
  EXPECT_EXPLAINED("the grid (0,1,1) is empty");
}

TEST(Failures, CopiesThatCannotBe) {
  float* data = nullptr;
  float host[64] = {};
  ASSERT_EQ(cudaMalloc(&data, 128), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(data, host, 256, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EXPLAINED("cudaMemcpy: 256 bytes, but the destination has room for 128");
  EXPECT_EQ(cudaMemcpy(host, data, 64, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EXPLAINED("the destination is not device memory, but the copy direction says so");
  EXPECT_EQ(cudaMemcpy(host, data, 64, cudaMemcpyHostToHost), cudaErrorInvalidValue);
  EXPECT_EXPLAINED("the source is device memory, but the copy direction says host");
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

// After a failure nothing runs, and every call says so, until the device is reset.
TEST(Failures, AreSticky) {
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 4), cudaSuccess);
  traps<<<4, 1>>>();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  add_at<<<1, 1>>>(data, 0);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  void* more = nullptr;
  EXPECT_EQ(cudaMemset(data, 0, 4), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaMalloc(&more, 4), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&more, 4), cudaSuccess);
  EXPECT_EQ(cudaFree(more), cudaSuccess);
}

}  // namespace
