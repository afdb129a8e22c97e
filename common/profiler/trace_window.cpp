#include "common/profiler/trace_window.h"

#include <fmt/format.h>

#include <utility>

#include "common/core/error.h"

namespace wb {

TraceWindow::TraceWindow(std::filesystem::path file, int steps, int warm_up_steps)
    : file_(std::move(file)), steps_(steps), warm_up_steps_(warm_up_steps) {
  WB_REQUIRE(steps >= 1, steps);
  WB_REQUIRE(warm_up_steps >= 0, warm_up_steps);
  if (const std::string reason = Trace::unavailable(); !reason.empty()) throw Error("--trace: " + reason);
  check_trace_path(file_);
}

void TraceWindow::begin_step(int index) {
  if (written_ || seen_++ < warm_up_steps_) return;
  if (!trace_.recording()) trace_.start();
  range_.emplace("step", index);
}

void TraceWindow::end_step() {
  if (!range_) return;
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  range_.reset();
  if (++traced_ == steps_) write();
}

void TraceWindow::finish() {
  if (range_) WB_CUDA_CHECK(cudaDeviceSynchronize());
  range_.reset();
  if (trace_.recording()) write();
}

void TraceWindow::write() {
  trace_.stop();
  trace_.write(file_);
  written_ = true;
}

std::string TraceWindow::description() const {
  return fmt::format("{} {}, {}; open {} in ui.perfetto.dev", traced_, traced_ == 1 ? "step" : "steps",
                     describe(trace_.counts()), file_.string());
}

}  // namespace wb
