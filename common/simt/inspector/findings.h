// The findings of the inspector: collected while kernels run, and put into words afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "inspector/missing.h"
#include "runtime/stream_order.h"
#include "simt/launch.h"

namespace simt::inspector {

enum class What {
  kSharedRace,
  kGlobalRace,
  kStreamRace,
  kOutOfBounds,
  kUseAfterFree,
  kNeverWritten,
  kMisaligned,
  kHostMemory,
  kDeviceMemory,
  kIndexOverflow,
  kShift,
};
/// "shared_race", "out_of_bounds", ...: the names in results files.
const char* name_of(What what);

/// One of the one or two accesses that a finding is about.
struct Party {
  std::string access;  // "write", "read", "atomic"; "access" where the compiler does not tell
  std::string file;    // as the compiler was given it; empty: unknown
  int line = 0;
  std::string text;  // that line of the file
  std::string by;    // "kernel scale", "cudaMemcpyAsync", "the host"
  bool is_kernel = true;
  uint3 block = {}, thread = {};
};

/// The end of Finding::memory beside an operand of more than 2^31 elements.
inline constexpr const char* kOfFarOperand = ", which an index of 32 bits cannot reach all of";

struct Finding {
  What what;
  std::string kernel;
  std::string memory;  // "4 bytes past the end of an array of 1024 bytes"
  std::vector<Party> parties;
  std::uint64_t count = 1;
  /// Of a race: what an atomic operation that was meant to order the two accesses lacks.
  struct Order {
    Missing::Why why = Missing::kUnknown;
    bool is_update = false;
    std::string first, signal, wait, second;  // "write of line 12", "line 14", ...
  } order;
  std::string advice;
};

/// Some lines for a person.
std::string to_text(const Finding& finding);
/// All of it, with to_text() as "text" (docs/results_schema.md).
nlohmann::json to_json(const Finding& finding);

/// An access as `report` gets it. `site` is an instruction, or a place that the compiler has stored.
struct Site {
  std::uint32_t pc = 0;
  const char* file = nullptr;
  std::uint32_t line = 0;
};
struct Access {
  Site site;
  std::uint32_t kind = 0;  // Kind
  std::uint32_t run = 0;
  std::uint32_t thread = 0;
};

/// The run of an access that no kernel made.
inline constexpr std::uint32_t kHostRun = 0;

/// Counts one occurrence. Only the first of a kind at the same lines becomes a finding.
void report(What what, const Access& later, const Access* earlier, const std::string& memory,
            const Missing& missing = {});
/// True if `report` would only count; then this function counts, and the caller does not have to make the
/// text.
bool repeated(What what, const Access& later, const Access* earlier);

/// The value that is read at this place is checked by a compare-and-swap later, so this read is no race with
/// atomic operations.
void add_guess(std::uint32_t pc);

/// Everything that was found since the last call, sorted by kernel and line.
std::vector<Finding> take();
/// The same, but take() returns them again.
std::vector<Finding> so_far();

/// The blocks that ran, for the names in findings. Returns the number of the new one, from 1.
std::uint32_t add_run(const detail::Grid& grid, std::uint64_t number);
/// The same for work that is not a kernel.
std::uint32_t add_outsider(const char* name, const detail::PointRef& point);
/// A launch was submitted; and its place among all operations, as far as it is known.
void add_launch(std::uint32_t number, const detail::PointRef& point);
detail::PointRef point_of_launch(std::uint32_t number);
/// Whether the work `run` must come before `later`, whatever their order in this execution was.
bool comes_before(std::uint32_t run, const detail::Point& later);
bool same_launch(std::uint32_t run, std::uint32_t other);

}  // namespace simt::inspector
