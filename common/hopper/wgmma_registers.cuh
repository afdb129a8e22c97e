// Products of a warpgroup beside those of common/hopper/wgmma.cuh: the first of a sum, and those whose left
// factor is in registers.
#pragma once

#include <cstdint>

#include "common/hopper/wgmma.cuh"

namespace wb::hopper {

#define WB_EIGHT(mode, d, i)                                                                  \
  mode(d[i]), mode(d[i + 1]), mode(d[i + 2]), mode(d[i + 3]), mode(d[i + 4]), mode(d[i + 5]), \
      mode(d[i + 6]), mode(d[i + 7])
#define WB_32(mode, d, i) \
  WB_EIGHT(mode, d, i), WB_EIGHT(mode, d, i + 8), WB_EIGHT(mode, d, i + 16), WB_EIGHT(mode, d, i + 24)
#define WB_NEW_32(d, i) WB_32("=f", d, i)
#define WB_ADDED_32(d, i) WB_32("+f", d, i)

/// d = a b. Unlike multiply(d, a, b, 0) it tells the compiler that the old contents of d are not needed, so
/// that its registers are free until then.
template <int kTransposeA, int kTransposeB>
__device__ void multiply_first(float (&d)[32], std::uint64_t a, std::uint64_t b) {
  asm volatile(
      "{\n"
      ".reg .pred add;\n"
      "setp.ne.b32 add, 0, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
      "}, %32, %33, add, 1, 1, %34, %35;\n"
      "}"
      : WB_NEW_32(d, 0)
      : "l"(a), "l"(b), "n"(kTransposeA), "n"(kTransposeB));
}
template <int kTransposeA, int kTransposeB>
__device__ void multiply_first(float (&d)[64], std::uint64_t a, std::uint64_t b) {
  asm volatile(
      "{\n"
      ".reg .pred add;\n"
      "setp.ne.b32 add, 0, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, %64, %65, add, 1, 1, %66, %67;\n"
      "}"
      : WB_NEW_32(d, 0), WB_NEW_32(d, 32)
      : "l"(a), "l"(b), "n"(kTransposeA), "n"(kTransposeB));
}

/// d (64, N) += a (64, 16) b (16, N). a as mma.sync takes it; warp w of the four holds rows 16 w ... 16 w +
/// 15. So the blocks 2 j, 2 j + 1 of an accumulator, in bf16, are the left factor of step j.
template <int kTransposeB>
__device__ void add_product(float (&d)[32], const std::uint32_t (&a)[4], std::uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
      "}, {%32, %33, %34, %35}, %36, 1, 1, 1, %37;"
      : WB_ADDED_32(d, 0)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(kTransposeB));
}
template <int kTransposeB>
__device__ void add_product(float (&d)[64], const std::uint32_t (&a)[4], std::uint64_t b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, {%64, %65, %66, %67}, %68, 1, 1, 1, %69;"
      : WB_ADDED_32(d, 0), WB_ADDED_32(d, 32)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(kTransposeB));
}

#undef WB_ADDED_32
#undef WB_NEW_32
#undef WB_32
#undef WB_EIGHT

}  // namespace wb::hopper
