// Floating-point operations of basic blocks, read from the machine code of the running program.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace simt::meter {

/// The operations of one pass of a lane. A multiplication whose product is added to something counts as one
/// fused operation, as with nvcc, if this processor has such an instruction.
struct Operations {
  std::uint64_t add = 0, mul = 0, fma = 0;  // float
  std::uint64_t dadd = 0, dmul = 0, dfma = 0;

  bool operator==(const Operations&) const = default;
  Operations& operator+=(const Operations& other);
  Operations operator*(std::uint64_t times) const;
  bool none() const { return *this == Operations{}; }
};

/// The operations of each basic block in `blocks` that has any, by its place (BasicBlock::pc). Not counted
/// are the CPU device's computations with half, bf16 and fp8, and its functions in place of CUDA's. `known`
/// is false if the code cannot be read: the processor is not x86-64, or there is no objdump.
struct Arithmetic {
  bool known = false;
  std::map<std::uint32_t, Operations> of;
};
const Arithmetic& arithmetic_of(const std::vector<std::uint32_t>& blocks);

/// The operations of one instruction in the form of objdump, without its address: "vfmadd231ss
/// 0x8(%rax),%xmm0,%xmm1".
Operations operations_of(const char* instruction);

}  // namespace simt::meter
