#include "simt/inspection.h"

#include "runtime/inspector.h"
#include "runtime/program_watch.h"
#include "runtime/scheduler.h"

namespace simt {

namespace detail {
constinit Inspector* inspector = nullptr;
constinit ProgramWatch* program_watch = nullptr;
}  // namespace detail

using detail::inspector;

bool inspected() {
  return inspector != nullptr;
}

std::vector<std::string> take_findings() {
  return inspector == nullptr ? std::vector<std::string>() : inspector->take_findings();
}

void declare_unwritten(void* pointer, std::size_t bytes) {
  if (inspector == nullptr) return;
  detail::Scheduler::get().wait_all(false);
  inspector->unwritten(pointer, bytes);
}

void declare_forbidden(void* pointer, std::size_t bytes) {
  if (inspector == nullptr) return;
  detail::Scheduler::get().wait_all(false);
  inspector->forbid(pointer, bytes);
}

}  // namespace simt
