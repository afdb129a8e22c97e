// Which lanes go through which basic blocks: the compiler calls once at the start of each
// (-fsanitize-coverage=trace-pc).
//
// As with requests, the k-th passes of the lanes of a warp since their last barrier form one pass of the
// warp. So the number of passes of a warp is the largest number of its lanes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace simt::meter {

/// Instructions between a label and the next jump, without a branch inside.
struct BasicBlock {
  std::uint32_t pc = 0;           // after the compiler's call
  std::uint64_t lane_passes = 0;  // of single lanes
  std::uint64_t warp_passes = 0;  // of warps, with at least one active lane

  // While a block of threads runs: since lanes last met, of each thread, and the most of each warp's.
  std::vector<std::uint32_t> of_thread, of_warp;
  bool active = false;
};

using BasicBlocks = std::map<std::uint32_t, std::unique_ptr<BasicBlock>>;

/// The passes of the block of threads that a worker runs.
class Passes {
 public:
  Passes() : remembered_(kRemembered) {}

  /// `into` gets what is counted from now on.
  void begin(BasicBlocks& into, unsigned threads);
  void end();
  void pass(std::uint32_t pc, unsigned thread);
  /// All lanes of these warps have met.
  void meet(unsigned first_warp, unsigned end_warp);

 private:
  BasicBlock& at(std::uint32_t pc);

  static constexpr std::size_t kRemembered = 512;
  BasicBlocks* blocks_ = nullptr;
  unsigned threads_ = 0;
  std::vector<BasicBlock*> active_;
  std::vector<BasicBlock*> remembered_;  // used last, by the low bits of their place
};

}  // namespace simt::meter
