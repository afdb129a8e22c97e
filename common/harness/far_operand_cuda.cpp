#include <cuda_runtime.h>
#include <fmt/format.h>

#include "common/core/check.h"
#include "common/core/device_info.h"
#include "common/harness/far_operand.h"
#include "common/harness/last_block_first.h"
#include "common/harness/sanitizer.h"

namespace wb {

std::int64_t far_elements() {
  return std::int64_t{1} << 31;
}

std::string no_far_operands(std::size_t floats, std::string_view) {
  const std::size_t needed = floats * sizeof(float) + (std::size_t{2} << 30);
  if (device_info().memory_bytes < needed) {
    return fmt::format("needs a GPU with {} GiB", (needed >> 30) + 1);
  }
  return sanitizer() == "racecheck" ? "takes minutes under racecheck" : "";
}

FarOperand::FarOperand(std::size_t floats, FarFill fill) {
  void* memory = nullptr;
  WB_CUDA_CHECK(cudaMalloc(&memory, floats * sizeof(float)));
  memory_.reset(memory);
  WB_CUDA_CHECK(cudaMemset(memory, fill == FarFill::kSame ? kFarByte : 0, floats * sizeof(float)));
}

void FarOperand::Free::operator()(void* memory) const {
  static_cast<void>(cudaFree(memory));
}

OnlyEndBlocks::OnlyEndBlocks(EndBlocks) {}
OnlyEndBlocks::~OnlyEndBlocks() = default;
ManyMultiprocessors::ManyMultiprocessors() = default;
ManyMultiprocessors::~ManyMultiprocessors() = default;
LastBlockFirst::LastBlockFirst() = default;
LastBlockFirst::~LastBlockFirst() = default;

std::string far_words(std::int64_t index) {
  return fmt::format("; elements up to {} are meant: too far for a 32-bit index", index);
}

std::string explain_wrapped(std::int64_t index) {
  return fmt::format(
      "\n  what:  an index is computed in 32 bits: element {} is meant, and {} is used, which is 2^32 less. "
      "Compute it in std::int64_t",
      index, index - (std::int64_t{1} << 32));
}

}  // namespace wb
