// Matrix products of a warpgroup (wgmma): 128 threads multiply tiles that lie in shared memory.
//
// d (64, N) += a (64, 16) b (16, N). Thread t of the warpgroup holds, for each block of 8 columns, d[4 block
// + 0, 1] at row 16 (t / 32) + t % 32 / 4, columns 8 block + 2 (t % 4) + 0, 1, and d[4 block + 2, 3] eight
// rows below.
//
// Tiles lie as TMA writes them with the swizzle of 128 bytes: rows of 64 bf16, the 16-byte pieces of row r
// exchanged by XOR with r % 8. A row is 64 steps of K (K-major), or 64 rows or columns of the result
// (MN-major); the hardware multiplies both.
#pragma once

#include <cstdint>

#include "common/hopper/mbarrier.cuh"

namespace wb::hopper {

constexpr int kRowBytes = 128;               // of a swizzled tile
constexpr int kAtomBytes = 8 * kRowBytes;    // after which the swizzle repeats
constexpr int kRowElements = kRowBytes / 2;  // bf16
constexpr int kDepthOfProduct = 16;          // K of one wgmma

/// Describes to wgmma where a tile begins and its layout. `chunk_bytes`, for MN-major tiles: from 64 rows or
/// columns of the result to the next 64.
__device__ inline std::uint64_t tile_descriptor(const void* tile, int chunk_bytes = kAtomBytes) {
  const auto encode = [](std::uint32_t bytes) { return static_cast<std::uint64_t>((bytes & 0x3FFFF) >> 4); };
  constexpr std::uint64_t kSwizzle128Bytes = std::uint64_t{1} << 62;
  return encode(shared_address(tile)) | encode(static_cast<std::uint32_t>(chunk_bytes)) << 16 |
         encode(kAtomBytes) << 32 | kSwizzle128Bytes;
}

/// The distance from one group of 16 along K to the next, in units of a descriptor's address.
template <bool kMnMajor>
constexpr int kDescriptorStep = (kMnMajor ? kDepthOfProduct * kRowBytes : kDepthOfProduct * 2) / 16;

/// Before the first product of a batch: registers of d are as the threads left them.
__device__ inline void begin_products() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ inline void commit_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/// Returns when at most kInFlight batches are unfinished.
template <int kInFlight>
__device__ void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kInFlight) : "memory");
}

/// Keeps the compiler from moving uses of d across a wait.
template <int kCount>
__device__ void hold(float (&d)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(d[i])::"memory");
}

// Eight accumulators as operands of an asm statement.
#define WB_ACCUMULATORS_8(d, i)                                                               \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define WB_ACCUMULATORS_32(d, i)                                                      \
  WB_ACCUMULATORS_8(d, i), WB_ACCUMULATORS_8(d, i + 8), WB_ACCUMULATORS_8(d, i + 16), \
      WB_ACCUMULATORS_8(d, i + 24)

/// d = a b + (add ? d : 0), one wgmma. kTransposeA, kTransposeB: the tile is MN-major.
template <int kTransposeA, int kTransposeB>
__device__ void multiply(float (&d)[32], std::uint64_t a, std::uint64_t b, int add) {
  asm volatile(
      "{\n"
      ".reg .pred add;\n"
      "setp.ne.b32 add, %34, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
      "}, %32, %33, add, 1, 1, %35, %36;\n"
      "}"
      : WB_ACCUMULATORS_32(d, 0)
      : "l"(a), "l"(b), "r"(add), "n"(kTransposeA), "n"(kTransposeB));
}

template <int kTransposeA, int kTransposeB>
__device__ void multiply(float (&d)[64], std::uint64_t a, std::uint64_t b, int add) {
  asm volatile(
      "{\n"
      ".reg .pred add;\n"
      "setp.ne.b32 add, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, %64, %65, add, 1, 1, %67, %68;\n"
      "}"
      : WB_ACCUMULATORS_32(d, 0), WB_ACCUMULATORS_32(d, 32)
      : "l"(a), "l"(b), "r"(add), "n"(kTransposeA), "n"(kTransposeB));
}

template <int kTransposeA, int kTransposeB>
__device__ void multiply(float (&d)[128], std::uint64_t a, std::uint64_t b, int add) {
  asm volatile(
      "{\n"
      ".reg .pred add;\n"
      "setp.ne.b32 add, %130, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
      "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
      "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
      "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
      "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
      "}, %128, %129, add, 1, 1, %131, %132;\n"
      "}"
      : WB_ACCUMULATORS_32(d, 0), WB_ACCUMULATORS_32(d, 32), WB_ACCUMULATORS_32(d, 64),
        WB_ACCUMULATORS_32(d, 96)
      : "l"(a), "l"(b), "r"(add), "n"(kTransposeA), "n"(kTransposeB));
}

#undef WB_ACCUMULATORS_8
#undef WB_ACCUMULATORS_32

/// Gives a consumer more registers and a producer fewer. All threads of a warpgroup call it once.
template <int kRegisters>
__device__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

template <int kRegisters>
__device__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

/// A barrier for the 128 threads of this warpgroup; `id`, 1 to 15, names the barrier.
__device__ inline void sync_warpgroup(int id) {
  asm volatile("bar.sync %0, 128;" ::"r"(id) : "memory");
}

/// Writes four (8, 8) matrices of bf16 from registers: lane i names the row of 16 bytes i % 8 of matrix i
/// / 8.
__device__ inline void store_matrices(void* row, std::uint32_t m0, std::uint32_t m1, std::uint32_t m2,
                                      std::uint32_t m3) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(shared_address(row)),
               "r"(m0), "r"(m1), "r"(m2), "r"(m3)
               : "memory");
}

}  // namespace wb::hopper
