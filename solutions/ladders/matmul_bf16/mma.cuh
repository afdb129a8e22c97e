// Matrix products of a warp (mma.sync) and the loads that feed them (ldmatrix): tensor cores since compute
// capability 8.0.
//
// d (16, 8) += a (16, 16) b (16, 8). Lane l holds d[0, 1] at row l / 4, columns 2 (l % 4) + 0, 1, and d[2, 3]
// eight rows below.
#pragma once

#include <cstdint>

#include "common/core/bf16.h"

namespace wb {

/// Four (8, 8) matrices into registers, as a fragment holds them; lane l names the row l % 8 of matrix l / 8.
/// kTransposed: the matrices are stored transposed.
template <bool kTransposed>
__device__ void load_matrices(std::uint32_t (&fragment)[4], const bf16* row) {
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                 : "r"(address)
                 : "memory");
  }
}

/// d += a b, in fp32.
__device__ inline void multiply(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, "
      "%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace wb
