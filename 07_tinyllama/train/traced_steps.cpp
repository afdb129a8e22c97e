#include "07_tinyllama/train/traced_steps.h"

#include <algorithm>
#include <utility>

namespace wb {
namespace {

constexpr int kWarmUpSteps = 2;

}  // namespace

TracedSteps::TracedSteps(std::filesystem::path file, int count, int begin, int end) : file_(std::move(file)) {
  first_ = std::max(begin, std::min(begin + kWarmUpSteps, end - count));
  last_ = std::min(end, first_ + count);
}

void TracedSteps::before(int step) {
  if (!file_.empty() && step == first_) trace_.start();
}

void TracedSteps::after(int steps_done) {
  if (!trace_.recording() || steps_done < last_) return;
  trace_.stop();
  trace_.write(file_);
}

}  // namespace wb
