// Installs the meter as the runtime's Inspector. It counts and reports no findings. When the program ends,
// the report is written to the file that SIMT_METER_REPORT names, unless the program has taken it.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>

#include "instrumented/hooks.h"
#include "meter/memory.h"
#include "meter/meter.h"
#include "runtime/inspector.h"

namespace simt::meter {
namespace {

class Installed final : public detail::Inspector {
 public:
  void* allocate(std::size_t bytes) override {
    const std::lock_guard lock(memory_mutex_);
    return device_memory.allocate(bytes);
  }
  void deallocate(void* pointer, std::size_t bytes) override {
    const std::lock_guard lock(memory_mutex_);
    device_memory.deallocate(pointer, bytes);
  }
  void written(const void*, std::size_t) override {}
  void unwritten(const void*, std::size_t) override {}
  void forbid(const void*, std::size_t) override {}
  void launched(std::uint32_t, const detail::PointRef&) override {}
  void transferred(const char*, const void*, const detail::PointRef&,
                   const std::vector<detail::Touched>&) override {}
  void host_accessed(std::uintptr_t, std::size_t, std::uint32_t, std::uint32_t) override {}

  // One block at a time, because all blocks share the tallies.
  void block_begins(const detail::Grid& grid, std::uint64_t) override {
    thread_local const auto mine = std::make_unique<Meter>();
    one_block_.lock();
    mine->begin(grid);
    meter = mine.get();
  }
  void block_ends() override {
    meter->end();
    meter = nullptr;
    one_block_.unlock();
  }
  void give_way() override {
    one_block_.unlock();
    one_block_.lock();
  }
  void block_synchronized() override { meter->block_synchronized(); }
  void warp_synchronized(unsigned warp, unsigned arrived, unsigned live, unsigned) override {
    meter->warp_synchronized(warp, arrived, live);
  }

  std::vector<std::string> take_findings() override { return {}; }
  std::string findings_so_far() override { return ""; }

  bool counts() const override { return true; }
  std::string take_counts() override {
    const std::lock_guard lock(one_block_);
    std::string counted = report(Part::kAccesses);
    forget();
    return counted;
  }

 private:
  std::mutex one_block_, memory_mutex_;
};

void write_report() {
  const char* path = std::getenv("SIMT_METER_REPORT");
  if (path == nullptr || *path == '\0') return;
  std::ofstream file(path);
  file << report() << '\n';
  if (!file.flush()) std::fprintf(stderr, "simt: the report of the meter cannot be written to %s\n", path);
}

// Before the initializers of the program, which may allocate device memory. The report is written after all
// destructors.
[[gnu::constructor(101)]] void install() {
  if (device_memory.reserve()) {
    detail::inspector = new Installed;  // needed until the process ends
    std::atexit(write_report);
  } else {
    std::fprintf(stderr, "simt: the system grants no room for the meter; nothing is counted\n");
  }
}

}  // namespace
}  // namespace simt::meter

namespace simt::instrumented {

using meter::kMostBytes;
using meter::meter;

void access(const void* address, std::size_t bytes, Kind kind, const void* pc) {
  if (meter != nullptr) meter->access(reinterpret_cast<std::uintptr_t>(address), bytes, bytes, kind, pc);
}

void loose_access(const void* address, std::size_t bytes, std::size_t largest, Kind kind, const void* pc) {
  if (meter != nullptr) {
    meter->access(reinterpret_cast<std::uintptr_t>(address), bytes, largest, kind, pc);
  }
}

// The update that follows counts.
void atomic_load(const void*, std::size_t, const void*) {}

void atomic_store(const void* address, std::size_t bytes, const void* pc) {
  access(address, bytes, kAtomic, pc);
}

void compares(const void*, std::size_t) {}

void library_access(const void* address, std::size_t bytes, Kind kind, const void* pc) {
  if (bytes != 0) loose_access(address, bytes, kMostBytes, kind, pc);
}

void atomic_done(const void*, Effect, int, const void*) {}

void fence(int) {}

void set_scope(bool) {}

}  // namespace simt::instrumented

// What the compiler calls at the start of each basic block (-fsanitize-coverage=trace-pc).
extern "C" [[gnu::used, gnu::visibility("default")]] void __sanitizer_cov_trace_pc() {
  if (simt::meter::meter != nullptr) simt::meter::meter->pass(__builtin_return_address(0));
}
