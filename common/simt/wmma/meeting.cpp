#include "wmma/meeting.h"

#include <fmt/format.h>

#include <bit>

#include "runtime/block_runner.h"
#include "runtime/failure.h"
#include "simt/wmma/memory.h"

namespace simt::wmma {

using detail::context, detail::Site, detail::WarpLanes, detail::WarpOperation;

void tell_all(WarpLanes& lanes, unsigned arrived, std::uint64_t result) {
  for (unsigned rest = arrived; rest != 0; rest &= rest - 1) lanes.result[std::countr_zero(rest)] = result;
}

void meet(const WarpOperation& operation, std::uint64_t value, int number, const char* same, Site site) {
  if (context.runner == nullptr) detail::called_outside_kernel(operation.name);
  const int lane = detail::lane_index();
  WarpLanes& lanes = detail::warp_lanes();
  lanes.value[lane] = value;
  lanes.source[lane] = number;
  detail::warp_rendezvous(operation, kWholeWarp, site);
  const std::uint64_t result = lanes.result[lane];
  if (result == kDone) return;
  const std::string place = fmt::format("{}: {} at {}:{}", context.runner->where(), operation.name,
                                        detail::base_name(site.file), site.line);
  if (result == kDifferent)
    context.runner->fail(cudaErrorLaunchFailure,
                         fmt::format("{}: all lanes of the warp must pass the same {}", place, same));
  const auto arrived = static_cast<unsigned>(result);
  context.runner->fail(
      cudaErrorLaunchFailure,
      fmt::format(
          "{}: {} of the 32 lanes of the warp take part (mask {:#010x}); the others have returned, or "
          "do not exist. A fragment belongs to a whole warp, so all 32 must take part",
          place, std::popcount(arrived), arrived));
}

namespace {

// Whether all lanes pass one pointer and one ldm.
void compare(WarpLanes& lanes, unsigned arrived) {
  if (arrived != kWholeWarp) return tell_all(lanes, arrived, arrived);
  bool same = true;
  for (int lane = 1; lane < 32; ++lane)
    same = same && lanes.value[lane] == lanes.value[0] && lanes.source[lane] == lanes.source[0];
  tell_all(lanes, arrived, same ? kDone : kDifferent);
}

constexpr WarpOperation kLoad{"load_matrix_sync", compare};
constexpr WarpOperation kStore{"store_matrix_sync", compare};

void meet_for_memory(const WarpOperation& operation, const void* pointer, unsigned ldm, unsigned bytes,
                     Site site) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  meet(operation, address, static_cast<int>(ldm), "pointer and ldm", site);
  const unsigned multiple = 16 / bytes;
  const auto fail = [&](const std::string& what) {
    context.runner->fail(cudaErrorMisalignedAddress,
                         fmt::format("{}: {} at {}:{}: {}", context.runner->where(), operation.name,
                                     detail::base_name(site.file), site.line, what));
  };
  if (address % 32 != 0)
    fail(
        fmt::format("the pointer must be a multiple of 32 bytes (256 bits); this one is {} bytes past a "
                    "multiple",
                    address % 32));
  if (ldm % multiple != 0)
    fail(fmt::format(
        "ldm is {}; with elements of {} bytes it must be a multiple of {}, so that lines begin at "
        "multiples of 16 bytes",
        ldm, bytes, multiple));
}

}  // namespace

void meet_to_load(const void* pointer, unsigned ldm, unsigned element_bytes, Site site) {
  meet_for_memory(kLoad, pointer, ldm, element_bytes, site);
}
void meet_to_store(const void* pointer, unsigned ldm, unsigned element_bytes, Site site) {
  meet_for_memory(kStore, pointer, ldm, element_bytes, site);
}

}  // namespace simt::wmma
