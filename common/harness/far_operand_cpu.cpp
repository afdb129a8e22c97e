#include <cuda_runtime.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/core/error.h"
#include "common/harness/far_operand.h"
#include "common/harness/last_block_first.h"
#include "common/harness/watched_call.h"
#include "simt/far.h"
#include "simt/inspection.h"
#include "simt/metering.h"

namespace wb {

std::int64_t far_elements() {
  return std::int64_t{1} << 32;
}

std::string no_far_operands(std::size_t, std::string_view implementation) {
  // With --part, a part with a single test does not count as a test that runs alone.
  const bool alone =
      testing::UnitTest::GetInstance()->test_to_run_count() == 1 && !std::getenv("GTEST_TOTAL_SHARDS");
  // The test runs alone if it has failed before: its memory has no shadow, but the line of an overflow is
  // found.
  if (simt::inspected() && !simt::metered() && !alone) return "the inspector has no shadow for 16 GiB";
  // A loop on the host would visit all of it, which takes minutes.
  if (detail::kernels_launched() == 0 && !alone) return "no test before this one has launched a kernel";
  return implementation == "library" ? "a library computes all of it, on the host" : "";
}

FarOperand::FarOperand(std::size_t floats, FarFill fill)
    : memory_(fill == FarFill::kOwnZeros
                  ? simt::allocate_far_zeros(floats * sizeof(float))
                  : simt::allocate_far(floats * sizeof(float), kFarWindow * sizeof(float),
                                       fill == FarFill::kSame ? kFarByte : 0)) {
  if (memory_ == nullptr) {
    throw Error(fmt::format("the system grants no {} addresses for an operand of {} floats",
                            floats * sizeof(float), floats));
  }
}

void FarOperand::Free::operator()(void* memory) const {
  static_cast<void>(cudaFree(memory));
}

OnlyEndBlocks::OnlyEndBlocks(EndBlocks blocks) {
  simt::run_only_ends(blocks.first, blocks.last);
}
OnlyEndBlocks::~OnlyEndBlocks() {
  simt::run_only_ends(0, 0);
}

ManyMultiprocessors::ManyMultiprocessors() {
  simt::pretend_multiprocessors(512);
}
ManyMultiprocessors::~ManyMultiprocessors() {
  simt::pretend_multiprocessors(0);
}

LastBlockFirst::LastBlockFirst() {
  simt::run_last_block_first(true);
}
LastBlockFirst::~LastBlockFirst() {
  simt::run_last_block_first(false);
}

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
