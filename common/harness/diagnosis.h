// From the pattern of wrong elements to the likely mistake. Each rule is a small function that returns its
// sentence, or nothing if it does not apply. `where` rules look at which elements are wrong, and `what` rules
// look at values.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/harness/matcher.h"

namespace wb::detail {

/// A failed comparison: both arrays have the same size, and `wrong` holds at least one index, ascending.
struct Comparison {
  std::span<const float> got;
  std::span<const double> expected;
  const Tolerance& tolerance;
  const Shape& shape;
  std::vector<std::size_t> wrong;

  std::size_t size() const { return got.size(); }
  bool all_wrong() const { return wrong.size() == size(); }
  /// The last two of shape.dims; {1, size()} without them, or if their product is not the size.
  std::size_t rows() const;  // of all matrices together
  std::size_t columns() const;
};

/// The matcher's rule for one element. NaN never passes; an infinity passes if the same infinity is expected.
bool element_passes(double got, double expected, const Tolerance& tolerance);
/// True for exactly the bits that GuardedBuffer::output left: this element was not written.
bool is_untouched(float value);
/// The same bits, also after arithmetic, and the contents of other device memory that was not written.
bool is_poison(float value);
/// A NaN that the CPU device's shuffles return for a lane that does not exist, also after arithmetic.
bool is_from_absent_lane(float value);
/// A NaN that was read from the canary beside an array (GuardedBuffer), also after arithmetic.
bool is_from_canary(float value);

using Finding = std::optional<std::string>;

// Where (diagnosis_where.cpp).
Finding only_the_tail(const Comparison& c);
Finding only_last_columns(const Comparison& c);
Finding every_kth(const Comparison& c);
Finding one_block(const Comparison& c);
Finding one_tile(const Comparison& c);
Finding scattered(const Comparison& c);

// What (diagnosis_what.cpp).
Finding oracle_is_nan(const Comparison& c);
Finding never_written(const Comparison& c);
Finding not_a_number(const Comparison& c);
Finding infinite(const Comparison& c);
Finding stale(const Comparison& c);
Finding wrong_accumulation(const Comparison& c);
Finding all_zero(const Comparison& c);
Finding transposed(const Comparison& c);
Finding shifted(const Comparison& c);
Finding constant_factor(const Comparison& c);
Finding constant_offset(const Comparison& c);
Finding constant_output(const Comparison& c);
Finding rounding(const Comparison& c);

/// The first rule of each list that applies.
Finding diagnose_where(const Comparison& c);
Finding diagnose_what(const Comparison& c);

}  // namespace wb::detail
