// Operands of more than 2^31 elements, for tests of index arithmetic. A GPU holds them as they are. The CPU
// device shows a few pages again and again in place of what lies between the two ends, and runs only blocks
// at the ends of a grid: such a test then needs no memory, and takes seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/core/error.h"

namespace wb {

/// What far indices lie past: element 2^31 on a GPU. On the CPU device, where more costs nothing, 2^32: an
/// int and an unsigned index then wrap around alike, to an element inside the operand.
std::int64_t far_elements();

/// Why far operands of `floats` elements cannot be tested with this implementation here; empty where they
/// can.
std::string no_far_operands(std::size_t floats, std::string_view implementation);

/// What a far operand holds at first: 0.18... or 0 everywhere. Except with kOwnZeros, the CPU device gives
/// only the first and the last kFarWindow floats memory of their own; what is written to one of the others
/// shows in many places. With kOwnZeros, what is written becomes memory.
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

/// How many blocks of a grid run on the CPU device: its first and its last ones.
struct EndBlocks {
  std::uint64_t first = 16, last = 16;
};

/// While one lives, the CPU device runs only these blocks of each launch.
class OnlyEndBlocks {
 public:
  explicit OnlyEndBlocks(EndBlocks blocks);
  ~OnlyEndBlocks();
  OnlyEndBlocks(const OnlyEndBlocks&) = delete;
  OnlyEndBlocks& operator=(const OnlyEndBlocks&) = delete;
};

/// While one lives, the CPU device says that it has 512 multiprocessors: a launcher that asks then takes a
/// grid of many blocks, each with a small part of the work.
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
