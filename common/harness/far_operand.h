// Operands of more than 2^31 elements, for tests of index arithmetic. A GPU stores them in full. The CPU
// device maps a few pages repeatedly between the two ends, and runs only blocks at the ends of a grid, so
// such a test needs little memory and takes seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/core/error.h"

namespace wb {

/// Far indices lie past this element: 2^31 on a GPU. On the CPU device, where a larger operand takes no more
/// memory, it is 2^32: then an int and an unsigned index wrap around to the same element of the operand.
std::int64_t far_elements();

/// The reason why far operands of `floats` elements cannot be tested with this implementation here; empty if
/// they can.
std::string no_far_operands(std::size_t floats, std::string_view implementation);

/// The first contents of a far operand: 0.18... or 0 everywhere. Except with kOwnZeros, on the CPU device
/// only the first and the last kFarWindow floats have memory of their own; a value that is written to one of
/// the others appears in many places. With kOwnZeros, pages that are written get memory of their own.
enum class FarFill { kSame, kZeros, kOwnZeros };

/// Floats in device memory.
class FarOperand {
 public:
  explicit FarOperand(std::size_t floats, FarFill fill = FarFill::kSame);
  float* data() const { return static_cast<float*>(memory_.get()); }

 private:
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> memory_;
};
inline constexpr int kFarByte = 0x3e;
inline constexpr std::size_t kFarWindow = std::size_t{1} << 20;

/// "; elements up to 4294967396 are meant: too far for a 32-bit index".
std::string far_words(std::int64_t index);

/// How many blocks of a grid run on the CPU device, at its beginning and at its end.
struct EndBlocks {
  std::uint64_t first = 16, last = 16;
};

/// While one exists, the CPU device runs only these blocks of each launch.
class OnlyEndBlocks {
 public:
  explicit OnlyEndBlocks(EndBlocks blocks);
  ~OnlyEndBlocks();
  OnlyEndBlocks(const OnlyEndBlocks&) = delete;
  OnlyEndBlocks& operator=(const OnlyEndBlocks&) = delete;
};

/// While one exists, the CPU device reports 512 multiprocessors. A launcher that asks then chooses a grid of
/// many blocks, each with a small part of the work.
class ManyMultiprocessors {
 public:
  ManyMultiprocessors();
  ~ManyMultiprocessors();
  ManyMultiprocessors(const ManyMultiprocessors&) = delete;
  ManyMultiprocessors& operator=(const ManyMultiprocessors&) = delete;
};

/// Calls `launch`, of which the CPU device runs so many blocks at each end. The error of a device that
/// stopped it says that `index`, the largest that it needs, is far.
template <class Launch>
void run_far(std::int64_t index, Launch launch, EndBlocks blocks = {}) {
  try {
    const OnlyEndBlocks ends(blocks);
    launch();
  } catch (const CudaError& error) {
    if (error.code() == cudaErrorIllegalAddress)
      throw CudaError(error.code(), std::string(error.what()) + far_words(index));
    throw;
  }
}

/// What a test adds to a failure when the result is the one that `wrapped`, the index modulo 2^32, leads to.
std::string explain_wrapped(std::int64_t index);

}  // namespace wb
