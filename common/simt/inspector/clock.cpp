#include "inspector/clock.h"

#include <algorithm>

namespace simt::inspector {
namespace {

const Step* find(const Steps& steps, std::uint32_t who) {
  const auto at = std::lower_bound(steps.begin(), steps.end(), who,
                                   [](const Step& step, std::uint32_t wanted) { return step.who < wanted; });
  return at != steps.end() && at->who == who ? &*at : nullptr;
}

bool includes(const Known& a, const Known& b) {
  if (a.below < b.below) return false;
  if (b.steps == nullptr || a.steps == b.steps) return true;
  return std::all_of(b.steps->begin(), b.steps->end(), [&](const Step& step) {
    if (step.clock < a.below) return true;
    const Step* mine = a.steps == nullptr ? nullptr : find(*a.steps, step.who);
    return mine != nullptr && mine->clock >= step.clock && mine->stamp >= step.stamp;
  });
}

// A barrier stands for the steps before it.
Known join(const Known& a, const Known& b) {
  Known both{a.run, std::max(a.below, b.below), nullptr};
  Steps steps;
  for (const auto* part : {a.steps.get(), b.steps.get()}) {
    if (part == nullptr) continue;
    for (const Step& step : *part) {
      if (step.clock >= both.below) steps.push_back(step);
    }
  }
  std::stable_sort(steps.begin(), steps.end(), [](const Step& x, const Step& y) { return x.who < y.who; });
  std::size_t count = 0;
  for (const Step& step : steps) {
    if (count != 0 && steps[count - 1].who == step.who) {
      Step& last = steps[count - 1];
      last.clock = std::max(last.clock, step.clock);
      last.stamp = std::max(last.stamp, step.stamp);
    } else {
      steps[count++] = step;
    }
  }
  steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(count), steps.end());
  if (!steps.empty()) both.steps = std::make_shared<const Steps>(std::move(steps));
  return both;
}

const Known* find(const std::vector<Known>& blocks, std::uint32_t run) {
  const auto at =
      std::lower_bound(blocks.begin(), blocks.end(), run,
                       [](const Known& known, std::uint32_t wanted) { return known.run < wanted; });
  return at != blocks.end() && at->run == run ? &*at : nullptr;
}

// Sorted, and with one entry per block.
std::vector<Known> together(std::vector<Known> blocks) {
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const Known& x, const Known& y) { return x.run < y.run; });
  std::size_t count = 0;
  for (Known& known : blocks) {
    if (count != 0 && blocks[count - 1].run == known.run) {
      blocks[count - 1] = join(blocks[count - 1], known);
    } else {
      blocks[count++] = std::move(known);
    }
  }
  blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(count), blocks.end());
  return blocks;
}

constexpr std::uint32_t kMostDepth = 64;
constexpr std::size_t kFew = 4;

}  // namespace

bool Known::covers(const Entry& earlier) const {
  if (earlier.epoch() < below) return true;
  if (steps == nullptr) return false;
  if (const Step* thread = find(*steps, earlier.thread());
      thread != nullptr && (earlier.epoch() <= thread->clock || earlier.stamp() < thread->stamp))
    return true;
  const Step* warp = find(*steps, Step::kWarp + earlier.warp());
  return warp != nullptr && earlier.stamp() < warp->stamp;
}

Clock::Clock(ClockRef base, std::vector<Known> blocks) : base_(std::move(base)), blocks_(std::move(blocks)) {
  if (base_ != nullptr && base_->depth_ == kMostDepth)
    base_ = std::make_shared<const Clock>(nullptr, base_->all());
  depth_ = base_ == nullptr ? 0 : base_->depth_ + 1;
  size_ = blocks_.size() + (base_ == nullptr ? 0 : base_->size_);
}

bool Clock::covers(const Entry& earlier) const {
  for (const Clock* clock = this; clock != nullptr; clock = clock->base_.get()) {
    const Known* known = find(clock->blocks_, earlier.run);
    if (known != nullptr && known->covers(earlier)) return true;
  }
  return false;
}

bool Clock::includes(const Known& wanted) const {
  for (const Clock* clock = this; clock != nullptr; clock = clock->base_.get()) {
    const Known* known = find(clock->blocks_, wanted.run);
    if (known != nullptr && inspector::includes(*known, wanted)) return true;
  }
  return false;
}

bool Clock::stands_on(const Clock& other) const {
  const Clock* clock = this;
  while (clock != nullptr && clock != &other) clock = clock->base_.get();
  return clock != nullptr;
}

// This may miss what several parts include together; then more is kept than is needed.
bool Clock::includes(const Clock& other) const {
  for (const Clock* part = &other; part != nullptr && !stands_on(*part); part = part->base_.get()) {
    for (const Known& known : part->blocks_) {
      if (!includes(known)) return false;
    }
  }
  return true;
}

std::vector<Known> Clock::all() const {
  std::vector<Known> blocks;
  blocks.reserve(size_);
  for (const Clock* clock = this; clock != nullptr; clock = clock->base_.get())
    blocks.insert(blocks.end(), clock->blocks_.begin(), clock->blocks_.end());
  return together(std::move(blocks));
}

ClockRef join(const ClockRef& a, const ClockRef& b) {
  if (b == nullptr || a == b) return a;
  if (a == nullptr || b->includes(*a)) return b;
  if (a->includes(*b)) return a;
  const ClockRef &large = a->size_ < b->size_ ? b : a, &small = a->size_ < b->size_ ? a : b;
  std::vector<Known> blocks = small->all();
  if (blocks.size() <= kFew) return std::make_shared<const Clock>(large, std::move(blocks));
  const std::vector<Known> others = large->all();
  blocks.insert(blocks.end(), others.begin(), others.end());
  return std::make_shared<const Clock>(nullptr, together(std::move(blocks)));
}

}  // namespace simt::inspector
