// The meter's state of the block that this worker runs. It combines the accesses of lanes into requests of
// warps.
//
// Here threads run one after the other; on a GPU the lanes of a warp run together. The k-th executions of an
// instruction by all lanes, counted from the last barrier, form one request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "meter/tally.h"
#include "simt/launch.h"

namespace simt::meter {

/// The number of executions of an instruction by one lane between two barriers that are kept until the other
/// lanes execute it. More would take gigabytes.
inline constexpr std::uint32_t kMostPasses = 1u << 17;
inline constexpr std::size_t kMostBytes = 16;  // of one lane's load or store

class Meter {
 public:
  Meter();

  void begin(const detail::Grid& grid);
  void end();
  void block_synchronized();
  void warp_synchronized(unsigned warp, unsigned arrived, unsigned live);

  /// An access that is larger than `largest`, or not a power of two, becomes several requests.
  void access(std::uintptr_t address, std::size_t bytes, std::size_t largest, Kind kind, const void* pc);
  /// The running thread begins a basic block.
  void pass(const void* pc);

 private:
  void add(std::uintptr_t address, std::uint32_t bytes, Kind kind, bool shared, std::uint32_t pc,
           unsigned part);
  Site& site(std::uint64_t key, std::uint32_t pc, Kind kind, bool shared, unsigned part);
  void activate(Site& site);
  void change_warp(unsigned warp);
  void count(Site& site, unsigned warp);
  void count_warp(unsigned warp);
  void restart(unsigned first, unsigned end);
  Array array_of(std::uintptr_t address, bool shared) const;

  const std::uintptr_t image_base_, variables_;
  const std::size_t variable_bytes_;
  const detail::Grid* grid_ = nullptr;
  KernelTally* kernel_ = nullptr;
  std::vector<Site*> active_;  // in this block
  std::vector<std::vector<Request>> spare_;
  Passes passes_;
  unsigned warp_ = 0;
  std::uintptr_t dynamic_ = 0;
  std::size_t dynamic_bytes_ = 0;

  // The sites that were used last, by the low bits of their key.
  struct Remembered {
    std::uint64_t key = ~std::uint64_t{0};
    Site* site = nullptr;
  };
  std::vector<Remembered> remembered_;
};

/// Null while no block runs on this thread.
extern constinit thread_local Meter* meter __attribute__((tls_model("initial-exec")));

}  // namespace simt::meter
