// Access patterns as kernels: each shows one way in which a warp touches memory, and little else.
//
// The meter of the CPU device and Nsight Compute count the same program, so that one can be checked against
// the other. Every load and every store stands on a line of its own. All sizes are fixed: 16384 threads, 512
// warps. A warp's request for 32 floats in a row needs 4 sectors of 32 bytes; a shared one needs 1 wavefront.
//
//     nvcc -O3 -lineinfo -arch=sm_90a access_patterns.cu -o access_patterns && ncu ./access_patterns
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

constexpr int kThreads = 256;
constexpr int kBlocks = 64;
constexpr int kCount = kThreads * kBlocks;  // elements of an output
constexpr int kSide = 128;                  // of the matrices that are transposed: kSide * kSide == kCount
constexpr int kTile = 32;
constexpr int kTileRows = 8;   // threads of a block along y: each copies 4 rows of a tile
constexpr int kTail = 10'000;  // no multiple of 32: the last warp that works has 16 lanes

// ---- Global memory ----

__global__ void copy_coalesced(const float* in, float* out) {  // (kCount)
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float value = in[i];
  out[i] = value;
}

// The last lane reads from the next line: 5 sectors in place of 4.
__global__ void copy_offset_by_one(const float* in, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float value = in[i + 1];
  out[i] = value;
}

__global__ void copy_strided_by_2(const float* in, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float value = in[2 * i];
  out[i] = value;
}

// Each lane has a sector of its own: 4 of 32 bytes are used.
__global__ void copy_strided_by_8(const float* in, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float value = in[8 * i];
  out[i] = value;
}

// 16 bytes per lane: 16 sectors per request, and a quarter of the requests.
__global__ void copy_float4(const float4* in, float4* out) {  // (kCount / 4)
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float4 value = in[i];
  out[i] = value;
}

__global__ void copy_bytes(const unsigned char* in, unsigned char* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const unsigned char value = in[i];
  out[i] = value;
}

// A guard ends in the middle of a warp: one request of 16 lanes, and later warps make none.
__global__ void copy_guarded(const float* in, float* out, int count) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= count) return;
  const float value = in[i];
  out[i] = value;
}

// Half of each warp works.
__global__ void copy_half_warp(const float* in, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (threadIdx.x % 32 >= 16) return;
  const float value = in[i];
  out[i] = value;
}

// Every other lane works: as many lanes as above, and twice the sectors.
__global__ void copy_even_lanes(const float* in, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  if (threadIdx.x % 2 == 1) return;
  const float value = in[i];
  out[i] = value;
}

// The order comes from memory: the lanes of a warp meet where they may.
__global__ void gather(const float* in, const int* order, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const int from = order[i];
  const float value = in[from];
  out[i] = value;
}

// One element for all lanes: one sector per request.
__global__ void broadcast_global(const float* in, const float* factor, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float value = in[i];
  const float times = factor[blockIdx.x];
  out[i] = value * times;
}

__global__ void transpose_naive(const float* in, float* out) {  // (kSide, kSide)
  const int column = blockIdx.x * kTile + threadIdx.x;
  for (int k = 0; k < kTile; k += kTileRows) {
    const int row = blockIdx.y * kTile + k + threadIdx.y;
    const float value = in[row * kSide + column];
    out[column * kSide + row] = value;
  }
}

// ---- Shared memory ----

// The padding decides the banks: a column of a tile with kWidth 32 lies in one bank, with 33 in all.
template <int kWidth>
__device__ void transpose_by_tile(float (*tile)[kWidth], const float* in, float* out) {
  const int column = blockIdx.x * kTile + threadIdx.x;
  for (int k = 0; k < kTile; k += kTileRows) {
    const int y = k + threadIdx.y;
    const float value = in[(blockIdx.y * kTile + y) * kSide + column];
    tile[y][threadIdx.x] = value;
  }
  __syncthreads();
  const int out_column = blockIdx.y * kTile + threadIdx.x;
  for (int k = 0; k < kTile; k += kTileRows) {
    const int y = k + threadIdx.y;
    const float value = tile[threadIdx.x][y];
    out[(blockIdx.x * kTile + y) * kSide + out_column] = value;
  }
}

__global__ void transpose_unpadded(const float* in, float* out) {
  __shared__ float tile[kTile][kTile];
  transpose_by_tile<kTile>(tile, in, out);
}

__global__ void transpose_padded(const float* in, float* out) {
  __shared__ float tile[kTile][kTile + 1];
  transpose_by_tile<kTile + 1>(tile, in, out);
}

// All lanes read one element: one wavefront, no conflict.
__global__ void broadcast_shared(const float* in, float* out) {
  __shared__ float held[kThreads];
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float mine = in[i];
  held[threadIdx.x] = mine;
  __syncthreads();
  const float value = held[threadIdx.x / 32];
  out[i] = value;
}

// Two lanes per bank.
__global__ void shared_stride_2(const float* in, float* out) {
  __shared__ float held[2 * kThreads];
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float mine = in[i];
  held[2 * threadIdx.x] = mine;
  __syncthreads();
  const float value = held[2 * (kThreads - 1 - threadIdx.x)];
  out[i] = value;
}

// 16 bytes per lane are 4 wavefronts at best, and they are met.
__global__ void shared_float4(const float4* in, float4* out) {  // (kCount / 4)
  __shared__ float4 held[kThreads];
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float4 mine = in[i];
  held[threadIdx.x] = mine;
  __syncthreads();
  const float4 value = held[kThreads - 1 - threadIdx.x];
  out[i] = value;
}

// The same 16 bytes as 4 loads of 4: lanes 4 floats apart meet in 8 banks.
__global__ void shared_stride_4(const float* in, float* out) {
  __shared__ float held[4 * kThreads];
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float mine = in[i];
  held[4 * threadIdx.x] = mine;
  __syncthreads();
  const float value = held[4 * (kThreads - 1 - threadIdx.x)];
  out[i] = value;
}

// 8 bytes per lane: 2 wavefronts at best.
__global__ void shared_double(const double* in, double* out) {  // (kCount / 2)
  __shared__ double held[kThreads];
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const double mine = in[i];
  held[threadIdx.x] = mine;
  __syncthreads();
  const double value = held[kThreads - 1 - threadIdx.x];
  out[i] = value;
}

// 2 bytes per lane: two lanes share a word of a bank without conflict.
__global__ void shared_short(const short* in, short* out) {
  __shared__ short held[kThreads];
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const short mine = in[i];
  held[threadIdx.x] = mine;
  __syncthreads();
  const short value = held[kThreads - 1 - threadIdx.x];
  out[i] = value;
}

// ---- Atomics ----

// All lanes of a warp add to one address.
__global__ void atomic_one_address(const float* in, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float value = in[i];
  atomicAdd(&out[i / 32], value);
}

__global__ void atomic_coalesced(const float* in, float* out) {
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const float value = in[i];
  atomicAdd(&out[i], value);
}

// Integers in shared memory: four lanes of a warp add to each of 8 counters.
__global__ void atomic_shared(const float* in, float* out) {
  __shared__ int counts[8];
  if (threadIdx.x < 8) counts[threadIdx.x] = 0;
  __syncthreads();
  const int i = blockIdx.x * kThreads + threadIdx.x;
  const int amount = static_cast<int>(in[i]);
  atomicAdd(&counts[threadIdx.x % 8], amount);
  __syncthreads();
  const int count = counts[threadIdx.x % 8];
  out[i] = static_cast<float>(count);
}

// ---- Launching each once ----

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::fprintf(stderr, "access_patterns: %s: %s\n", what, cudaGetErrorString(status));
  std::exit(1);
}

// Device memory with known contents: element i holds i modulo 251.
template <class T>
T* made(int count) {
  std::vector<T> host(count);
  for (int i = 0; i < count; ++i) host[i] = static_cast<T>(i % 251);
  T* device = nullptr;
  check(cudaMalloc(&device, count * sizeof(T)), "cudaMalloc");
  check(cudaMemcpy(device, host.data(), count * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  return device;
}

// A permutation of 0 .. kCount - 1: 5 and kCount have no common factor, and the square term scatters.
int* made_order() {
  std::vector<int> host(kCount);
  for (int i = 0; i < kCount; ++i) host[i] = static_cast<int>((5LL * i + 64LL * i * i) % kCount);
  int* device = nullptr;
  check(cudaMalloc(&device, kCount * sizeof(int)), "cudaMalloc");
  check(cudaMemcpy(device, host.data(), kCount * sizeof(int), cudaMemcpyHostToDevice), "cudaMemcpy");
  return device;
}

int main() {
  float* in = made<float>(8 * kCount);
  float* out = made<float>(kCount);
  float* factors = made<float>(kBlocks);
  const auto* in4 = reinterpret_cast<const float4*>(in);
  auto* out4 = reinterpret_cast<float4*>(out);
  auto* bytes = made<unsigned char>(kCount);
  auto* out_bytes = made<unsigned char>(kCount);
  auto* shorts = made<short>(kCount);
  auto* out_shorts = made<short>(kCount);
  auto* doubles = made<double>(kCount);
  auto* out_doubles = made<double>(kCount);
  int* order = made_order();

  const dim3 tiles(kSide / kTile, kSide / kTile);
  const dim3 tile_threads(kTile, kTileRows);
  copy_coalesced<<<kBlocks, kThreads>>>(in, out);
  copy_offset_by_one<<<kBlocks, kThreads>>>(in, out);
  copy_strided_by_2<<<kBlocks, kThreads>>>(in, out);
  copy_strided_by_8<<<kBlocks, kThreads>>>(in, out);
  copy_float4<<<kBlocks / 4, kThreads>>>(in4, out4);
  copy_bytes<<<kBlocks, kThreads>>>(bytes, out_bytes);
  copy_guarded<<<kBlocks, kThreads>>>(in, out, kTail);
  copy_half_warp<<<kBlocks, kThreads>>>(in, out);
  copy_even_lanes<<<kBlocks, kThreads>>>(in, out);
  gather<<<kBlocks, kThreads>>>(in, order, out);
  broadcast_global<<<kBlocks, kThreads>>>(in, factors, out);
  transpose_naive<<<tiles, tile_threads>>>(in, out);
  transpose_unpadded<<<tiles, tile_threads>>>(in, out);
  transpose_padded<<<tiles, tile_threads>>>(in, out);
  broadcast_shared<<<kBlocks, kThreads>>>(in, out);
  shared_stride_2<<<kBlocks, kThreads>>>(in, out);
  shared_float4<<<kBlocks / 4, kThreads>>>(in4, out4);
  shared_stride_4<<<kBlocks, kThreads>>>(in, out);
  shared_double<<<kBlocks / 2, kThreads>>>(doubles, out_doubles);
  shared_short<<<kBlocks, kThreads>>>(shorts, out_shorts);
  atomic_one_address<<<kBlocks, kThreads>>>(in, out);
  atomic_coalesced<<<kBlocks, kThreads>>>(in, out);
  atomic_shared<<<kBlocks, kThreads>>>(in, out);
  check(cudaGetLastError(), "launch");
  check(cudaDeviceSynchronize(), "kernels");

  for (void* memory : std::vector<void*>{in, out, factors, bytes, out_bytes, shorts, out_shorts, doubles,
                                         out_doubles, static_cast<void*>(order)}) {
    check(cudaFree(memory), "cudaFree");
  }
  std::printf("access_patterns: launched every kernel once\n");
  return 0;
}
