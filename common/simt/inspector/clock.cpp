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
  steps.resize(count);
  if (!steps.empty()) both.steps = std::make_shared<const Steps>(std::move(steps));
  return both;
}

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

bool Clock::covers(const Entry& earlier) const {
  const auto at = std::lower_bound(blocks_.begin(), blocks_.end(), earlier.run,
                                   [](const Known& known, std::uint32_t run) { return known.run < run; });
  return at != blocks_.end() && at->run == earlier.run && at->covers(earlier);
}

bool Clock::includes(const Clock& other) const {
  if (blocks_.size() < other.blocks_.size()) return false;
  auto mine = blocks_.begin();
  for (const Known& known : other.blocks_) {
    while (mine != blocks_.end() && mine->run < known.run) ++mine;
    if (mine == blocks_.end() || mine->run != known.run || !inspector::includes(*mine, known)) return false;
  }
  return true;
}

ClockRef join(const ClockRef& a, const ClockRef& b) {
  if (b == nullptr || a == b) return a;
  if (a == nullptr || b->includes(*a)) return b;
  if (a->includes(*b)) return a;
  std::vector<Known> both;
  both.reserve(a->blocks_.size() + b->blocks_.size());
  auto x = a->blocks_.begin(), y = b->blocks_.begin();
  while (x != a->blocks_.end() || y != b->blocks_.end()) {
    if (y == b->blocks_.end() || (x != a->blocks_.end() && x->run < y->run)) {
      both.push_back(*x++);
    } else if (x == a->blocks_.end() || y->run < x->run) {
      both.push_back(*y++);
    } else {
      both.push_back(join(*x++, *y++));
    }
  }
  return std::make_shared<const Clock>(std::move(both));
}

}  // namespace simt::inspector
