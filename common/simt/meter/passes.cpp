#include "meter/passes.h"

#include <algorithm>

#include "meter/request.h"

namespace simt::meter {

void Passes::begin(BasicBlocks& into, unsigned threads) {
  if (blocks_ != &into) std::fill(remembered_.begin(), remembered_.end(), nullptr);
  blocks_ = &into;
  threads_ = threads;
}

void Passes::end() {
  meet(0, (threads_ + kLanes - 1) / kLanes);
  for (BasicBlock* block : active_) block->active = false;
  active_.clear();
}

BasicBlock& Passes::at(std::uint32_t pc) {
  BasicBlock*& remembered = remembered_[(pc ^ pc >> 9) % kRemembered];
  if (remembered == nullptr || remembered->pc != pc) {
    std::unique_ptr<BasicBlock>& entry = (*blocks_)[pc];
    if (entry == nullptr) {
      entry = std::make_unique<BasicBlock>();
      entry->pc = pc;
    }
    remembered = entry.get();
  }
  return *remembered;
}

void Passes::pass(std::uint32_t pc, unsigned thread) {
  if (thread >= threads_) return;  // the runtime's own code, before a thread starts
  BasicBlock& block = at(pc);
  if (!block.active) {
    block.active = true;
    block.of_thread.assign(threads_, 0);
    block.of_warp.assign((threads_ + kLanes - 1) / kLanes, 0);
    active_.push_back(&block);
  }
  ++block.lane_passes;
  std::uint32_t& most = block.of_warp[thread / kLanes];
  most = std::max(most, ++block.of_thread[thread]);
}

void Passes::meet(unsigned first_warp, unsigned end_warp) {
  for (BasicBlock* block : active_) {
    for (unsigned warp = first_warp; warp < end_warp; ++warp) {
      if (block->of_warp[warp] == 0) continue;
      block->warp_passes += block->of_warp[warp];
      block->of_warp[warp] = 0;
      const auto first = block->of_thread.begin();
      std::fill(first + warp * kLanes, first + std::min((warp + 1) * kLanes, threads_), 0u);
    }
  }
}

}  // namespace simt::meter
