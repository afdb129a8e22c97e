#include "07_tinyllama/journey/machine_load.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "07_tinyllama/journey/step_timer.h"

namespace wb {
namespace {

double own_seconds() {
  rusage use = {};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

// Of all processors since the machine started: the first line of /proc/stat, in clock ticks.
std::optional<double> busy_seconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  file >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
  if (!file || name != "cpu") return std::nullopt;
  return (user + nice + system + irq + softirq + steal) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

MachineLoad::MachineLoad()
    : begin_ms_(host_clock_ms()), begin_own_s_(own_seconds()), begin_busy_s_(busy_seconds()) {}

std::optional<double> MachineLoad::other_cores() const {
  const std::optional<double> busy = busy_seconds();
  const double wall = 1e-3 * (host_clock_ms() - begin_ms_);
  if (!busy || !begin_busy_s_ || wall <= 0.0) return std::nullopt;
  const double others = (*busy - *begin_busy_s_) - (own_seconds() - begin_own_s_);
  return std::max(0.0, others / wall);
}

}  // namespace wb
