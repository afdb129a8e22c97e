// What the CPU device itself costs: three ordinary kernels against their speed floor, then the price of one
// wait and one launch. Times are of the CPU; they say nothing about a GPU.
//
//   simt_bench           prints the table
//   simt_bench --check   also fails when the best time of a kernel is above its floor (two idle cores)
#include <cuda_runtime.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/rng.h"

namespace {

constexpr int kTile = 16;

__global__ void vector_add(const float* a, const float* b, float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

// c = a b, all (n, n); n divisible by the tile.
__global__ void matmul_tiled(const float* a, const float* b, float* c, int n) {
  __shared__ float tile_a[kTile][kTile], tile_b[kTile][kTile];
  const int row = blockIdx.y * kTile + threadIdx.y, col = blockIdx.x * kTile + threadIdx.x;
  float sum = 0.0f;
  for (int start = 0; start < n; start += kTile) {
    tile_a[threadIdx.y][threadIdx.x] = a[row * n + start + threadIdx.x];
    tile_b[threadIdx.y][threadIdx.x] = b[(start + threadIdx.y) * n + col];
    __syncthreads();
    for (int k = 0; k < kTile; ++k) sum += tile_a[threadIdx.y][k] * tile_b[k][threadIdx.x];
    __syncthreads();
  }
  c[row * n + col] = sum;
}

struct Maximum {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};
struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};

template <class Combine>
__device__ float block_reduce(float value, Combine combine) {
  __shared__ float partial[32];
  for (int step = 16; step != 0; step /= 2) value = combine(value, __shfl_xor_sync(0xffffffffu, value, step));
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  value = partial[threadIdx.x % (blockDim.x / 32)];
  for (int step = blockDim.x / 64; step != 0; step /= 2) {
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, step));
  }
  __syncthreads();
  return value;
}

// One block per row of (rows, columns).
__global__ void softmax(const float* in, float* out, int columns) {
  in += static_cast<long>(blockIdx.x) * columns;
  out += static_cast<long>(blockIdx.x) * columns;
  float most = -INFINITY;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) most = fmaxf(most, in[i]);
  most = block_reduce(most, Maximum{});
  float sum = 0.0f;
  for (int i = threadIdx.x; i < columns; i += blockDim.x) sum += __expf(in[i] - most);
  sum = block_reduce(sum, Sum{});
  for (int i = threadIdx.x; i < columns; i += blockDim.x) out[i] = __expf(in[i] - most) / sum;
}

__global__ void barriers(int count) {
  for (int i = 0; i < count; ++i) __syncthreads();
}
__global__ void shuffles(float* out, int count) {
  float value = threadIdx.x;
  for (int i = 0; i < count; ++i) value += __shfl_xor_sync(0xffffffffu, value, 1);
  if (value < 0.0f) *out = value;
}
__global__ void nothing() {}

struct Times {
  double best, median, cpu;  // milliseconds; processor time of all cores, mean
};

double cpu_milliseconds() {
  rusage use;
  getrusage(RUSAGE_SELF, &use);
  return 1e3 * static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         1e-3 * static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

template <class Work>
Times measure(int repetitions, Work work) {
  work();
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  std::vector<double> times;
  const double cpu = cpu_milliseconds();
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  const double spent = (cpu_milliseconds() - cpu) / repetitions;
  std::sort(times.begin(), times.end());
  return {times.front(), times[times.size() / 2], spent};
}

bool report(const char* name, const Times& t, double floor) {
  std::printf("%-36s %9.2f ms %9.2f ms %9.2f ms   %s %g ms\n", name, t.best, t.median, t.cpu,
              t.best <= floor ? "within" : "ABOVE", floor);
  return t.best <= floor;
}

}  // namespace

int main(int argc, char** argv) {
  const bool check = argc > 1 && std::strcmp(argv[1], "--check") == 0;
  cudaDeviceProp device;
  WB_CUDA_CHECK(cudaGetDeviceProperties(&device, 0));
  std::printf("%s\n%-36s %12s %12s %12s\n", device.name, "", "best", "median", "all cores");

  constexpr int kElements = 1 << 20;
  wb::DeviceBuffer<float> a(wb::random_normal(kElements, 1)), b(wb::random_normal(kElements, 2)),
      out(kElements);
  bool within = true;
  const Times add =
      measure(50, [&] { vector_add<<<kElements / 256, 256>>>(a.data(), b.data(), out.data(), kElements); });
  within = report("vector add, 2^20", add, 5) && within;
  const Times matmul = measure(30, [&] {
    matmul_tiled<<<dim3(256 / kTile, 256 / kTile), dim3(kTile, kTile)>>>(a.data(), b.data(), out.data(), 256);
  });
  within = report("matmul, tiles of 16, 256^3", matmul, 30) && within;
  const Times row = measure(20, [&] { softmax<<<512, 256>>>(a.data(), out.data(), 1024); });
  within = report("softmax, 512 x 1024, 256 threads", row, 150) && within;

  // The price of one wait of one thread, on one core: 64 blocks of 256 threads, 100 waits each.
  const double waits = 64.0 * 256 * 100;
  std::printf("%-36s %9.1f ns of one core\n", "__syncthreads, a thread",
              1e6 * measure(10, [] { barriers<<<64, 256>>>(100); }).cpu / waits);
  std::printf("%-36s %9.1f ns of one core\n", "__shfl_xor_sync, a thread",
              1e6 * measure(10, [&] { shuffles<<<64, 256>>>(out.data(), 100); }).cpu / waits);
  const Times launches = measure(20, [] {
    for (int i = 0; i < 1000; ++i) nothing<<<1, 1>>>();
  });
  std::printf("%-36s %9.2f us\n", "launch, one of 1000", launches.best);
  std::printf("%-36s %9.2f us\n", "launch and wait", 1e3 * measure(200, [] { nothing<<<1, 1>>>(); }).median);
  return check && !within ? 1 : 0;
}
