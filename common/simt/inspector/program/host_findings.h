// Findings in the host code of a whole program: leaks, unchecked errors, launches without a wait.
#pragma once

#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/program_watch.h"

namespace simt::inspector {

/// The instructions that called what is running, innermost first, as places of instrumented/source.h.
using Trace = std::vector<std::uint32_t>;

class HostFindings final : public detail::ProgramWatch {
 public:
  void allocated(const void* pointer, std::size_t bytes) override;
  void freed(const void* pointer) override;
  void call_failed(cudaError_t code, const std::string& explanation) override;
  void error_asked_for() override;
  void work_failed(const std::string& explanation) override;
  void launched(const detail::Grid& grid) override;
  void waited() override;

  /// The program ends. Waits from now on are not made by its code.
  void at_exit();
  /// All findings, as JSON objects like those of kernels. Memory counts as leaked, and an error as unchecked,
  /// only if the program `ended_well`. A kernel's failure is a finding only if there is `nothing_else` that
  /// explains it.
  std::vector<nlohmann::json> take(bool ended_well, bool nothing_else);
  std::uint64_t launches() const { return launches_; }

 private:
  struct Allocation {
    std::size_t bytes;
    Trace trace;
  };
  struct Failure {
    cudaError_t code = cudaSuccess;
    std::string explanation;
    Trace trace;
    std::uint64_t count = 0;
  };
  struct Launch {
    std::string kernel;
    Trace trace;
    std::uint64_t count = 0;
  };

  std::vector<nlohmann::json> leaks();

  std::mutex mutex_;
  std::map<const void*, Allocation> allocations_;
  Failure unchecked_;
  std::string failed_work_;
  Launch not_waited_for_;
  bool ends_ = false;
  std::uint64_t launches_ = 0;
};

/// The one of this process, never destroyed.
HostFindings& host_findings();

}  // namespace simt::inspector
