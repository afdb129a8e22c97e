// Installs the inspector: the runtime's Inspector, made of device memory's shadow and one Watch per worker.
#include "runtime/inspector.h"

#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "inspector/device_memory.h"
#include "inspector/findings.h"
#include "inspector/streams.h"
#include "inspector/watch.h"
#include "instrumented/source.h"

namespace simt::inspector {
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
  void written(const void* pointer, std::size_t bytes) override { set_written(pointer, bytes, true); }
  void unwritten(const void* pointer, std::size_t bytes) override { set_written(pointer, bytes, false); }
  void forbid(const void* pointer, std::size_t bytes) override {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    if (device_memory.holds(address)) device_memory.forbid(address, bytes);
  }

  void launched(std::uint32_t number, const detail::PointRef& point) override { add_launch(number, point); }
  // A block that waits for the host must not delay the work that the host submits.
  void transferred(const char* name, const void* caller, const detail::PointRef& point,
                   const std::vector<detail::Touched>& touched) override {
    const Inside here;
    const auto pc =
        caller == nullptr
            ? 0
            : static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(caller) - image_base() - 1);
    const TransferRef transfer = Streams::get().add(name, pc, point, touched);
    const std::unique_lock lock(one_block_, std::chrono::seconds(1));
    if (lock.owns_lock()) Streams::get().compare_with_kernels(*transfer);
  }
  void host_accessed(std::uintptr_t address, std::size_t bytes, std::uint32_t kind,
                     std::uint32_t pc) override {
    const std::unique_lock lock(one_block_, std::chrono::seconds(1));
    if (lock.owns_lock()) Streams::get().host_access(address, bytes, static_cast<Kind>(kind), pc);
  }

  // The shadow does not support two blocks at the same time, in two streams.
  void block_begins(const detail::Grid& grid, std::uint64_t number) override {
    thread_local const auto mine = std::make_unique<Watch>();
    one_block_.lock();
    mine->begin(grid, number);
    watch = mine.get();
  }
  void block_ends() override {
    watch = nullptr;
    one_block_.unlock();
  }
  void give_way() override {
    one_block_.unlock();
    one_block_.lock();
  }
  void block_synchronized() override { watch->block_synchronized(); }
  void warp_synchronized(unsigned warp, unsigned arrived, unsigned live, unsigned mask) override {
    watch->warp_synchronized(warp, arrived, live, mask);
  }

  std::vector<std::string> take_findings() override {
    std::vector<std::string> documents;
    for (const Finding& finding : take()) documents.push_back(to_json(finding).dump());
    return documents;
  }
  std::string findings_so_far() override {
    std::string text;
    for (const Finding& finding : so_far()) text += "\n" + to_text(finding);
    return text;
  }

 private:
  static void set_written(const void* pointer, std::size_t bytes, bool written) {
    const auto address = reinterpret_cast<std::uintptr_t>(pointer);
    if (device_memory.holds(address)) device_memory.set_written(address, bytes, written);
  }

  std::timed_mutex one_block_;
  std::mutex memory_mutex_;
};

// Runs before the initializers of the program, which may allocate device memory.
[[gnu::constructor(101)]] void install() {
  if (device_memory.reserve()) {
    detail::inspector = new Installed;  // needed to the end
  } else {
    std::fprintf(stderr, "simt: the system grants no room for the inspector; kernels run without it\n");
  }
}

}  // namespace
}  // namespace simt::inspector
