#include <fmt/format.h>

#include <algorithm>

#include "common/harness/diagnosis.h"

namespace wb::detail {
namespace {

std::string element_range(std::size_t first, std::size_t last) {
  return first == last ? fmt::format("element {}", first) : fmt::format("elements {} to {}", first, last);
}

bool is_contiguous(const Comparison& c) {
  return c.wrong.back() - c.wrong.front() + 1 == c.wrong.size();
}

// Poison, or the contents from before the call.
bool all_untouched(const Comparison& c) {
  const bool knows_before = c.shape.before.size() == c.size();
  return std::all_of(c.wrong.begin(), c.wrong.end(), [&](std::size_t i) {
    return is_untouched(c.got[i]) || (knows_before && c.got[i] == c.shape.before[i]);
  });
}

// If the output is the input, elements that were not written may be right by chance. Their positions show
// nothing.
bool nothing_was_written(const Comparison& c) {
  return c.shape.before.size() == c.size() && std::equal(c.got.begin(), c.got.end(), c.shape.before.begin());
}

// If more than half of the elements are wrong, the cause is not a partly filled edge.
bool is_most(const Comparison& c) {
  return 2 * c.wrong.size() > c.size();
}

}  // namespace

Finding only_the_tail(const Comparison& c) {
  if (c.all_wrong() || !is_contiguous(c) || c.wrong.back() != c.size() - 1) return {};
  const std::string tail = fmt::format("only the tail, {}", element_range(c.wrong.front(), c.wrong.back()));
  if (all_untouched(c)) {
    if (c.wrong.front() == 1u << 16) {
      return tail +
             ": no thread wrote it. It begins at element 2^16: too few blocks, or an index in a type of 16 "
             "bits?";
    }
    return tail + ": no thread wrote it. Too few blocks (round n / threads up), or no blockIdx in the index?";
  }
  if (is_most(c) || !c.shape.has_edges) return {};
  if (c.rows() > 1 && c.wrong.front() % c.columns() == 0) {
    return fmt::format(
        "only the last {} of {} rows, whole: a partly filled tile of rows (check its guard on the row), or, "
        "where a block owns a row, what its threads share (is a __syncthreads() missing?)",
        c.wrong.size() / c.columns(), c.rows());
  }
  return tail + ": the last, partly filled block or tile. Check its bounds guard";
}

Finding only_last_columns(const Comparison& c) {
  const std::size_t rows = c.rows(), columns = c.columns();
  if (!c.shape.has_edges || rows < 2 || is_most(c) || c.wrong.size() % rows != 0) return {};
  const std::size_t width = c.wrong.size() / rows;
  const bool at_row_ends = std::all_of(c.wrong.begin(), c.wrong.end(),
                                       [&](std::size_t i) { return i % columns >= columns - width; });
  if (!at_row_ends) return {};
  return fmt::format(
      "the last {} of {} columns, in every row: the partly filled tile at the right edge. "
      "Check the guard on the column",
      width, columns);
}

Finding every_kth(const Comparison& c) {
  if (c.wrong.size() < 3) return {};
  const std::size_t stride = c.wrong[1] - c.wrong[0];
  if (stride < 2 || c.wrong.front() >= stride || c.wrong.back() + stride < c.size()) return {};
  for (std::size_t i = 1; i < c.wrong.size(); ++i) {
    if (c.wrong[i] - c.wrong[i - 1] != stride) return {};
  }
  std::string meaning = "a lane of a vector load, an unrolled step or a bank is handled wrongly";
  if (stride == c.columns() && c.rows() > 1) {
    meaning = fmt::format("always column {}", c.wrong.front());
  } else if (stride == 32) {
    meaning = fmt::format("always lane {} of its warp", c.wrong.front());
  }
  return fmt::format("every {}th element, from {}: {}", stride, c.wrong.front(), meaning);
}

Finding one_block(const Comparison& c) {
  if (c.all_wrong() || !is_contiguous(c)) return {};
  std::string text = fmt::format("only {}", element_range(c.wrong.front(), c.wrong.back()));
  const std::size_t columns = c.columns();
  if (c.rows() > 1 && c.wrong.front() / columns == c.wrong.back() / columns) {
    text += fmt::format(", in row {}", c.wrong.front() / columns);
  }
  if (c.shape.threads_per_block > 0) {
    const auto threads = static_cast<std::size_t>(c.shape.threads_per_block);
    const std::size_t first = c.wrong.front() / threads, last = c.wrong.back() / threads;
    text += first == last ? fmt::format(", in block {}", first)
                          : fmt::format(", in blocks {} to {}", first, last);
  }
  return text + ". All others are right";
}

Finding one_tile(const Comparison& c) {
  const std::size_t columns = c.columns();
  if (c.rows() < 2 || c.all_wrong() || c.wrong.size() < 2) return {};
  std::size_t left = columns, right = 0;
  const std::size_t top = c.wrong.front() / columns, bottom = c.wrong.back() / columns;
  for (const std::size_t i : c.wrong) {
    left = std::min(left, i % columns);
    right = std::max(right, i % columns);
  }
  if (c.wrong.size() != (bottom - top + 1) * (right - left + 1)) return {};
  return fmt::format("only the tile of rows {} to {}, columns {} to {}. All others are right", top, bottom,
                     left, right);
}

Finding scattered(const Comparison& c) {
  if (is_most(c) || c.wrong.size() < 2) return {};
  return fmt::format(
      "scattered from {} to {}. If they differ from run to run, it is a race: a missing __syncthreads() "
      "or a plain += where several threads add",
      c.wrong.front(), c.wrong.back());
}

Finding diagnose_where(const Comparison& c) {
  if (nothing_was_written(c)) return {};
  for (auto* rule : {only_the_tail, only_last_columns, every_kth, one_block, one_tile, scattered}) {
    if (Finding finding = rule(c)) return finding;
  }
  return {};
}

}  // namespace wb::detail
