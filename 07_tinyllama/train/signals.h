// Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends at once.
#pragma once

#include <array>
#include <csignal>

namespace wb {

inline constexpr int kInterrupted = 130;  // exit code

/// While one lives, SIGINT and SIGTERM set a flag; a second one ends the process with kInterrupted. One at a
/// time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  static bool stop_requested();

 private:
  std::array<struct sigaction, 2> before_ = {};
};

}  // namespace wb
