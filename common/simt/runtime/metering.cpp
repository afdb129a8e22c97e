#include "simt/metering.h"

#include "runtime/inspector.h"
#include "runtime/scheduler.h"

namespace simt {

using detail::inspector;

bool metered() {
  return inspector != nullptr && inspector->counts();
}

std::string take_counts() {
  if (!metered()) return "";
  detail::Scheduler::get().wait_all(false);
  return inspector->take_counts();
}

}  // namespace simt
