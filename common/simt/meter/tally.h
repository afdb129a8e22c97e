// What was counted, per kernel and instruction.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "instrumented/hooks.h"
#include "meter/passes.h"
#include "meter/request.h"
#include "simt/launch.h"

namespace simt::meter {

using instrumented::Kind;

/// The array that a request goes to.
struct Array {
  enum Where : int { kArgument, kOther, kStaticShared, kDynamicShared };
  Where where = kOther;
  std::size_t index = 0;     // kArgument: among the kernel's parameters; kStaticShared: by offset
  std::uintptr_t start = 0;  // offsets count from here

  std::pair<int, std::size_t> key() const { return {where, index}; }
};

/// The worst request so far: the one with the largest excess, and among these the first block and warp.
struct Worst {
  Request request;
  Array array;
  std::uint64_t excess = 0;
  uint3 block = {};
  unsigned warp = 0;
};

struct Tally {
  std::uint64_t requests = 0;
  unsigned words = 0;  // a bit for each word of 16 bytes at which first lanes have started
  Cost cost;
  std::unique_ptr<Worst> worst;
};

/// One instruction and its accesses. An access of a large value is several requests: parts.
struct Site {
  std::uint32_t pc = 0;
  Kind kind = instrumented::kRead;
  bool shared = false;
  unsigned part = 0;
  std::map<std::pair<int, std::size_t>, Tally> arrays;

  // While a block runs: executions of each thread since they last met, and the requests of each warp.
  std::vector<std::uint32_t> executions;
  std::vector<std::vector<Request>> of_warp;
  bool active = false;
};

struct KernelTally {
  std::string name;
  std::uint32_t place = 0;  // of its code, from the program's load address; 0 where it is not known
  std::size_t order = 0;    // of the first launch
  std::uint64_t launches = 0, blocks = 0;
  std::uint64_t sectors_touched = 0;  // each once per launch
  std::uint64_t left_out = 0;  // accesses of lanes that were not kept, for lack of memory (kMostPasses)
  dim3 grid, block;            // of the latest launch
  std::uint32_t latest = 0;
  std::map<std::uint64_t, std::unique_ptr<Site>> sites;
  BasicBlocks basic_blocks;
};

/// The tally of a kernel. Two instances of a template are two kernels, even if launches spell them in the
/// same way.
KernelTally& tally_of(const detail::Grid& grid);

/// What a report holds. The accesses take no disassembler.
enum class Part { kAccesses, kAll };
/// All kernels that ran since the last forget(), as text (docs/results_schema.md).
std::string report(Part part = Part::kAll);
/// Sets every count to 0. No kernel may run.
void forget();

}  // namespace simt::meter
