// Runs one block of a grid on the calling worker: starts its threads, parks those that wait, notices when none can
// go on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/fiber.h"
#include "runtime/order.h"
#include "simt/launch.h"
#include "simt/warp.h"

namespace simt::detail {

/// Lanes of one warp that wait for the others of their mask.
struct Rendezvous {
  unsigned mask = 0;
  unsigned arrived = 0;
  const WarpOperation* operation = nullptr;
  FiberList waiting;
};

struct Warp {
  WarpLanes lanes;
  int open = 0;  // entries of `rendezvous` in use
  std::array<Rendezvous, 32> rendezvous;
};

class BlockRunner {
 public:
  BlockRunner();
  ~BlockRunner();
  BlockRunner(const BlockRunner&) = delete;
  BlockRunner& operator=(const BlockRunner&) = delete;

  /// Runs block `number` of the grid. False when it failed; the failure has been reported.
  bool run(const Grid& grid, std::uint64_t number);

  // For the running thread.
  BarrierVote barrier(const char* name, int predicate, Site site);
  void rendezvous(const WarpOperation& operation, unsigned mask, Site site);
  unsigned converged(Site site);
  void yield();
  void thread_returned();
  WarpLanes& lanes() { return warps_[context.linear / 32].lanes; }
  /// Reports the failure of this block and gives it up.
  [[noreturn]] void fail(cudaError_t code, const std::string& what);
  /// Gives the block up; its failure has been reported.
  [[noreturn]] void abandon();

  const Grid* grid() const { return grid_; }
  const Fiber* current() const { return current_; }
  /// "kernel NAME, block (x,y,z), thread (x,y,z)" of the running thread.
  std::string where() const;

 private:
  static void fiber_main(boost::context::detail::transfer_t from);
  void begin(const Grid& grid, std::uint64_t number);
  void switch_to(Fiber* target);
  Fiber* next_runnable();
  void park(const char* operation, Site site, unsigned mask);
  void release(FiberList& waiting);
  void complete_barrier();
  unsigned live_lanes(unsigned warp) const;
  bool complete_if_all_arrived(Warp& warp, int index, unsigned live);
  bool release_converging();
  std::string waiting_threads() const;
  std::string block_name() const;

  FiberPool pool_;
  Fiber home_;  // the worker's own stack
  Fiber* current_ = &home_;
  FiberList ready_;
  const Grid* grid_ = nullptr;
  bool abandoned_ = false;
  ThreadOrder order_;

  // The barrier of the block.
  FiberList at_barrier_;
  unsigned arrived_ = 0;
  Site barrier_site_ = {"", 0};
  bool barrier_divergent_ = false;
  BarrierVote collecting_ = {0, true, false};
  BarrierVote vote_ = {0, true, false};

  std::vector<Warp> warps_;
  unsigned warps_used_ = 0;  // a bit per warp
  FiberList converging_;     // threads in __activemask

  char* shared_mapping_ = nullptr;
  char* shared_end_ = nullptr;
};

}  // namespace simt::detail
