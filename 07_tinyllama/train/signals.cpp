#include "07_tinyllama/train/signals.h"

#include <unistd.h>

#include <atomic>

namespace wb {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM};

std::atomic<int> received = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // a signal handler touches it

void on_signal(int) {
  if (++received >= 2) _exit(kInterrupted);
}

}  // namespace

StopSignals::StopSignals() {
  received = 0;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before_[i]);
}

StopSignals::~StopSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

bool StopSignals::stop_requested() {
  return received > 0;
}

}  // namespace wb
