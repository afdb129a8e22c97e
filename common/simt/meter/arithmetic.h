// Floating-point operations of basic blocks, read from the machine code of the running program.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace simt::meter {

/// Of one pass of a lane. A multiplication whose product is added to something is one fused operation, as
/// nvcc makes it, where this processor has such an instruction.
struct Operations {
  std::uint64_t add = 0, mul = 0, fma = 0;  // float
  std::uint64_t dadd = 0, dmul = 0, dfma = 0;

  bool operator==(const Operations&) const = default;
  Operations& operator+=(const Operations& other);
  Operations operator*(std::uint64_t times) const;
  bool none() const { return *this == Operations{}; }
};

/// By the place of a basic block (BasicBlock::pc): of those places in `blocks` that have any. Left out is how
/// the CPU device computes with half, bf16 and fp8, and the functions that it has in place of CUDA's. `known`
/// is false where the code cannot be read: not on x86-64, or no objdump.
struct Arithmetic {
  bool known = false;
  std::map<std::uint32_t, Operations> of;
};
const Arithmetic& arithmetic_of(const std::vector<std::uint32_t>& blocks);

/// The operations of one instruction as objdump writes it, without its address: "vfmadd231ss
/// 0x8(%rax),%xmm0,%xmm1".
Operations operations_of(const char* instruction);

}  // namespace simt::meter
