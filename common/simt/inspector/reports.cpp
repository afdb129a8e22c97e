// The rare part of watch.h: accesses outside of the memory of the block and the device, and findings in
// words.
#include <fmt/format.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "inspector/device_memory.h"
#include "inspector/watch.h"
#include "instrumented/source.h"
#include "instrumented/static_shared.h"
#include "runtime/allocations.h"
#include "runtime/block_runner.h"
#include "runtime/inspector.h"
#include "runtime/scheduler.h"

namespace simt::inspector {

bool (*is_on_device_heap)(std::uintptr_t address) = nullptr;

namespace {

struct Range {
  std::uintptr_t start;
  std::size_t bytes;
};

// Constants, tables and __device__ variables are in the program and its libraries.
bool in_program(std::uintptr_t address) {
  static const std::vector<Range> ranges = [] {
    std::vector<Range> result;
    dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* list) {
          for (int i = 0; i < object->dlpi_phnum; ++i) {
            const auto& header = object->dlpi_phdr[i];
            if (header.p_type != PT_LOAD) continue;
            static_cast<std::vector<Range>*>(list)->push_back(
                {object->dlpi_addr + header.p_vaddr, header.p_memsz});
          }
          return 0;
        },
        &result);
    return result;
  }();
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return address - range.start < range.bytes; });
}

bool is_mapped(std::uintptr_t address) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  unsigned char resident = 0;
  return mincore(reinterpret_cast<void*>(address / page * page), 1, &resident) == 0;
}

}  // namespace

// An address that is not mapped ends in a fault, which the runtime explains.
void Watch::other_access(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc) {
  const Pause pause;
  if ((is_on_device_heap != nullptr && is_on_device_heap(address)) ||
      detail::context.runner->in_lanes(address))
    return;
  if (in_program(address)) return variable_access(address, bytes, kind, pc);
  const auto* pointer = reinterpret_cast<const void*>(address);
  if (detail::find_allocation(pointer) || !is_mapped(address)) return;
  if (detail::beside_far(pointer)) return report_one(What::kOutOfBounds, address, kind, pc);
  report_one(What::kHostMemory, address, kind, pc);
}

std::string Watch::describe(What what, std::uintptr_t address) const {
  if (what == What::kHostMemory) return "an address in the memory of the host";
  if (device_memory.holds(address)) return device_memory.describe(address);
  if (in_program(address)) return instrumented::variable_text(address);
  if (detail::beside_far(reinterpret_cast<const void*>(address)))
    return detail::describe_address(address) + kOfFarOperand;
  const std::uintptr_t offset = address - variables_;
  if (offset < variable_bytes_) {
    const SharedArray* array = shared_array_at(offset);
    if (array == nullptr) return "before the first shared array";
    const std::uintptr_t byte = offset - array->offset;
    if (byte < array->bytes)
      return fmt::format("byte {} of the {} bytes of shared {}", byte, array->bytes, array->name);
    return fmt::format("{} bytes past the end of the {} bytes of shared {}", byte - array->bytes,
                       array->bytes, array->name);
  }
  if (address < dynamic_) {
    return fmt::format("{} bytes before the start of dynamic shared memory", dynamic_ - address);
  }
  const std::uintptr_t byte = address - dynamic_;
  if (byte < dynamic_bytes_)
    return fmt::format("byte {} of the {} bytes of dynamic shared memory", byte, dynamic_bytes_);
  return fmt::format("{} bytes past the end of the {} bytes of dynamic shared memory", byte - dynamic_bytes_,
                     dynamic_bytes_);
}

// The compiler's flag that a shared array was initialized: GCC 12 has one for arrays of classes such as
// half2.
bool Watch::is_guard(std::uintptr_t address) const {
  const std::uintptr_t offset = address - variables_;
  const SharedArray* array = offset < variable_bytes_ ? shared_array_at(offset) : nullptr;
  return array != nullptr && array->is_guard && offset - array->offset < array->bytes;
}

void Watch::report_race(bool shared, std::uintptr_t address, const Entry& earlier, const Entry& now) {
  const Pause pause;
  if (lost_ || (shared && is_guard(address))) return;
  if (is_atomic(earlier.kind()) && !is_atomic(now.kind()) && order_.active() &&
      (order_.has_read(address, earlier, run_) ||
       order_.has_read(address & ~std::uintptr_t{7}, earlier, run_)))
    return;  // the block has seen its result
  if (is_atomic(earlier.kind()) && now.kind() == kRead) order_.plain_load(address, now.pc, this->now());
  const bool one_launch = shared || same_launch(earlier.run, now.run);
  const What what = shared ? What::kSharedRace : one_launch ? What::kGlobalRace : What::kStreamRace;
  const Access first{{earlier.pc, nullptr, 0}, earlier.kind(), earlier.run, earlier.thread()};
  const Access second{{now.pc, nullptr, 0}, now.kind(), now.run, now.thread()};
  if (repeated(what, second, &first)) return;
  report(what, second, &first, describe(what, address),
         one_launch ? order_.missing(address, earlier, this->now()) : Missing());
}

void Watch::before_atomic() const {
  if (lost_) detail::context.runner->abandon();
}

void Watch::report_one(What what, std::uintptr_t address, Kind kind, std::uint32_t pc) {
  const Pause pause;
  if (is_guard(address)) return;
  const Access access{{pc, nullptr, 0}, kind, run_, thread()};
  if (!repeated(what, access, nullptr)) report(what, access, nullptr, describe(what, address));
}

void Watch::report_at(What what, const Site& site, Kind kind, const std::string& memory) {
  const Pause pause;
  const Access access{site, kind, run_, thread()};
  if (!repeated(what, access, nullptr)) report(what, access, nullptr, memory);
}

void Watch::compare_with_transfers(std::uintptr_t address, std::size_t bytes, Kind kind, std::uint32_t pc) {
  const Pause pause;
  const Access access{{pc, nullptr, 0}, kind, run_, thread()};
  for (const TransferRef& transfer : transfers_) {
    for (const detail::Touched& touched : transfer->touched) {
      const auto start = reinterpret_cast<std::uintptr_t>(touched.start);
      const Kind other = touched.is_write ? kWrite : kRead;
      if (address + bytes <= start || address >= start + touched.bytes || !conflict(kind, other)) continue;
      const Access earlier{{transfer->pc, nullptr, 0}, other, transfer->run, 0};
      if (!repeated(What::kStreamRace, access, &earlier))
        report(What::kStreamRace, access, &earlier, describe(What::kStreamRace, address));
    }
  }
}

namespace {
struct HostRead {
  std::uintptr_t address = 0;
  std::uint32_t pc = 0;
};
thread_local HostRead t_host_read;  // the latest
}  // namespace

void host_compares(std::uintptr_t address) {
  if (t_host_read.address == address && address != 0) add_guess(t_host_read.pc);
}

void host_access(std::uintptr_t address, std::size_t bytes, Kind kind, const void* caller) {
  // The inspector itself, or a library's work in a stream.
  if (detail::on_worker() && detail::function_point() == nullptr) return;
  const auto allocation = detail::find_allocation(reinterpret_cast<const void*>(address));
  const auto pc = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(caller) - image_base() - 1);
  if (kind == kRead) {
    t_host_read = {address, pc};
  } else if (allocation && device_memory.holds(address)) {
    device_memory.set_written(address, bytes, true);  // also where it writes what fresh memory is filled with
  }
  if (!device_memory.holds(address) || (allocation && allocation->type != cudaMemoryTypeDevice))
    return detail::inspector->host_accessed(address, bytes, kind, pc);
  const Access access{{pc, nullptr, 0}, static_cast<std::uint32_t>(kind), kHostRun, 0};
  if (!repeated(What::kDeviceMemory, access, nullptr)) {
    report(What::kDeviceMemory, access, nullptr, device_memory.describe(address));
  }
}

}  // namespace simt::inspector
