#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/core/device_info.h"
#include "common/harness/diagnosis.h"

namespace wb::detail {
namespace {

// True if every wrong element satisfies `property(i)`.
template <class Property>
bool all_of_wrong(const Comparison& c, Property property) {
  return std::all_of(c.wrong.begin(), c.wrong.end(), property);
}

template <class Property>
std::size_t count_wrong(const Comparison& c, Property property) {
  return static_cast<std::size_t>(std::count_if(c.wrong.begin(), c.wrong.end(), property));
}

bool passes_as(const Comparison& c, std::size_t i, double reference) {
  return element_passes(c.got[i], reference, c.tolerance);
}

std::string share(std::size_t count, const Comparison& c) {
  return count == c.wrong.size()
             ? ""
             : fmt::format("{} of the wrong elements {} ", count, count == 1 ? "is" : "are");
}

std::string meaning_of_factor(double factor, const Comparison& c) {
  const auto is = [&](double value) { return std::fabs(factor - value) < 1e-3 * std::fabs(value); };
  for (const std::int64_t dim : c.shape.dims) {
    const auto size = static_cast<double>(dim);
    if (dim < 3) continue;
    if (is(size))
      return fmt::format("{} is a dimension: a missing division by it, or a sum over it too many", dim);
    if (is(1 / size))
      return fmt::format("{} is a dimension: one division by it too many, or a missing sum", dim);
    if (is(std::sqrt(size)) || is(1 / std::sqrt(size)))
      return fmt::format("the root of dimension {}: the scale", dim);
  }
  const double whole = factor >= 1 ? factor : 1 / factor;
  if (factor < 0) return "a sign, and a scale";
  for (const int threads : {32, 64, 128, 256, 512, 1024}) {
    if (std::fabs(whole - threads) > 1e-3 * threads) continue;
    const char* group = threads == 32 ? "the width of a warp" : "a usual block size";
    return fmt::format(
        "{} is {}: {}", threads, group,
        factor > 1 ? "every thread of it adds the same value" : "only one thread of it contributes");
  }
  if (is(2) || is(0.5)) return factor > 1 ? "something is counted twice" : "half of the sum is missing";
  return "a missing or extra scale";
}

}  // namespace

Finding oracle_is_nan(const Comparison& c) {
  if (!std::isnan(c.expected[c.wrong.front()])) return {};
  return "the expected value itself is NaN: the mistake is in the test's inputs or its oracle";
}

Finding never_written(const Comparison& c) {
  const std::size_t count = count_wrong(c, [&](std::size_t i) { return is_untouched(c.got[i]); });
  if (count == 0) return {};
  if (count == c.size() && count > 1) {
    return "nothing was written: is the kernel launched, and does any thread reach its store?";
  }
  return share(count, c) + "never written: the poison from before the launch is still there";
}

// On the CPU device the bits of a NaN show its origin, also after arithmetic. A GPU's arithmetic gives all
// NaNs the same bits.
Finding not_a_number(const Comparison& c) {
  const std::size_t count = count_wrong(c, [&](std::size_t i) { return std::isnan(c.got[i]); });
  if (count == 0) return {};
  const std::size_t unset = count_wrong(c, [&](std::size_t i) { return is_poison(c.got[i]); });
  if (unset != 0) {
    return share(unset, c) +
           "the NaN of memory that was read before it was written: an output, scratch or shared array";
  }
  const std::size_t absent = count_wrong(c, [&](std::size_t i) { return is_from_absent_lane(c.got[i]); });
  if (absent != 0 && device_is_cpu()) {
    return share(absent, c) +
           "the NaN of a shuffle from a lane that does not exist: the threads of the block are not a "
           "multiple of "
           "32, or the lane has returned without taking part";
  }
  const std::size_t outside = count_wrong(c, [&](std::size_t i) { return is_from_canary(c.got[i]); });
  if (outside != 0 && device_is_cpu()) {
    return share(outside, c) +
           "a NaN that is stored beside an array: something was read before its start or past its end";
  }
  return share(count, c) +
         "NaN: inf - inf, 0 / 0, 0 * inf or a function outside of its range, in some step before";
}

Finding infinite(const Comparison& c) {
  const std::size_t count = count_wrong(c, [&](std::size_t i) { return std::isinf(c.got[i]); });
  if (count == 0) return {};
  return share(count, c) + "infinite: an overflow or a division by zero";
}

Finding stale(const Comparison& c) {
  if (c.shape.before.size() != c.size()) return {};
  if (!all_of_wrong(c, [&](std::size_t i) { return c.got[i] == c.shape.before[i]; })) return {};
  const bool all = std::equal(c.got.begin(), c.got.end(), c.shape.before.begin());
  return std::string("unchanged: the contents from before the call are still there") +
         (all ? ", everywhere: does any thread store into this array?" : "");
}

Finding wrong_accumulation(const Comparison& c) {
  if (c.shape.before.size() != c.size() || c.wrong.size() < 2) return {};
  const auto before = [&](std::size_t i) { return static_cast<double>(c.shape.before[i]); };
  if (all_of_wrong(c, [&](std::size_t i) { return passes_as(c, i, c.expected[i] + before(i)); })) {
    return "the old contents were added: this output is to be overwritten, not accumulated";
  }
  if (all_of_wrong(c, [&](std::size_t i) { return passes_as(c, i, c.expected[i] - before(i)); })) {
    return "the old contents are missing: this output is to be accumulated (+=), not overwritten";
  }
  return {};
}

Finding all_zero(const Comparison& c) {
  if (!all_of_wrong(c, [&](std::size_t i) { return c.got[i] == 0.0f; })) return {};
  const bool all = std::all_of(c.got.begin(), c.got.end(), [](float value) { return value == 0.0f; });
  return all ? "zero: stored before anything was accumulated, or an accumulator to which nothing is added"
             : "zero: nothing was added to these sums, or zeros were stored in their place";
}

Finding transposed(const Comparison& c) {
  const std::size_t columns = c.columns();
  if (c.shape.dims.size() < 2 || c.rows() < 2) return {};
  const auto rows = static_cast<std::size_t>(c.shape.dims[c.shape.dims.size() - 2]);
  if (rows < 2 || columns < 2 || rows * columns < 6) return {};
  const std::size_t matrix = rows * columns;
  const bool is_transposed = all_of_wrong(c, [&](std::size_t i) {
    const std::size_t start = i / matrix * matrix, local = i % matrix;
    // The element that the caller reads as `local` of (rows, columns) was stored as (columns, rows).
    return passes_as(c, i, c.expected[start + local % rows * columns + local / rows]);
  });
  if (!is_transposed) return {};
  return "transposed: rows and columns are exchanged in an index or in the roles of threadIdx.x and "
         "threadIdx.y";
}

Finding shifted(const Comparison& c) {
  if (c.wrong.size() < 3) return {};
  const auto size = static_cast<std::ptrdiff_t>(c.size());
  const auto columns = static_cast<std::ptrdiff_t>(c.columns());
  const std::ptrdiff_t threads = c.shape.threads_per_block;
  for (const std::ptrdiff_t shift :
       {std::ptrdiff_t{1}, std::ptrdiff_t{2}, std::ptrdiff_t{32}, columns, threads}) {
    for (const std::ptrdiff_t by : {shift, -shift}) {
      if (by == 0 || shift >= size) continue;
      std::size_t inside = 0;
      const bool is_shifted = all_of_wrong(c, [&](std::size_t i) {
        const std::ptrdiff_t other = static_cast<std::ptrdiff_t>(i) + by;
        if (other < 0 || other >= size) return true;  // its value comes from outside: nothing to compare
        ++inside;
        return passes_as(c, i, c.expected[static_cast<std::size_t>(other)]);
      });
      if (is_shifted && inside >= 3 && 2 * inside >= c.wrong.size()) {
        return fmt::format("shifted: element i holds what belongs to i {} {}{}", by > 0 ? '+' : '-', shift,
                           shift == 1 ? ", off by one" : (shift == columns ? ", off by one row" : ""));
      }
    }
  }
  return {};
}

Finding constant_factor(const Comparison& c) {
  if (c.wrong.size() < 3) return {};
  // The quotient is most precise for the largest expected value.
  const std::size_t largest = *std::max_element(
      c.wrong.begin(), c.wrong.end(),
      [&](std::size_t i, std::size_t j) { return std::fabs(c.expected[i]) < std::fabs(c.expected[j]); });
  const double factor = c.got[largest] / c.expected[largest];
  if (!std::isfinite(factor) || factor == 0 || std::fabs(factor - 1) < 1e-3) return {};
  const Tolerance scaled{c.tolerance.absolute * std::fabs(factor), std::max(c.tolerance.relative, 1e-5) * 4};
  if (!all_of_wrong(c,
                    [&](std::size_t i) { return element_passes(c.got[i], factor * c.expected[i], scaled); }))
    return {};
  if (std::fabs(factor + 1) < 1e-3) return "the sign is wrong: got = -expected";
  return fmt::format("got = {:.6g} * expected: {}", factor, meaning_of_factor(factor, c));
}

Finding constant_offset(const Comparison& c) {
  if (c.wrong.size() < 3) return {};
  const double offset = c.got[c.wrong.front()] - c.expected[c.wrong.front()];
  const Tolerance near{c.tolerance.absolute * 2 + std::fabs(offset) * 1e-5, c.tolerance.relative * 2};
  if (!all_of_wrong(c, [&](std::size_t i) { return element_passes(c.got[i], c.expected[i] + offset, near); }))
    return {};
  return fmt::format("got = expected {} {:.6g}: the same constant everywhere", offset > 0 ? '+' : '-',
                     std::fabs(offset));
}

Finding constant_output(const Comparison& c) {
  if (c.wrong.size() < 3) return {};
  const float value = c.got[c.wrong.front()];
  if (!all_of_wrong(c, [&](std::size_t i) { return c.got[i] == value; })) return {};
  return fmt::format("all of them hold {:.9g}: does the index depend on the thread?", value);
}

Finding rounding(const Comparison& c) {
  const Tolerance loose{1e-3, 1e-3};
  if (!all_of_wrong(c, [&](std::size_t i) {
        return passes_as({c.got, c.expected, loose, c.shape, {}}, i, c.expected[i]);
      })) {
    return {};
  }
  return "close, but beyond rounding of this formula in fp32: a cancellation, an approximate intrinsic, or a "
         "missing or repeated term";
}

Finding diagnose_what(const Comparison& c) {
  // The positions of the missing elements are enough; the first of them was printed as never written.
  if (all_of_wrong(c, [&](std::size_t i) { return is_untouched(c.got[i]); }) && diagnose_where(c)) return {};
  for (auto* rule :
       {oracle_is_nan, never_written, not_a_number, infinite, stale, wrong_accumulation, all_zero,
        constant_factor, transposed, shifted, constant_offset, constant_output, rounding}) {
    if (Finding finding = rule(c)) return finding;
  }
  return {};
}

}  // namespace wb::detail
