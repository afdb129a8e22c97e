#include "common/harness/guarded_buffer.h"

#include <fmt/format.h>

#include <bit>
#include <cstdint>

namespace wb::detail {
namespace {

constexpr std::uint32_t kCanaryNan = 0x7fc0cafe;   // a quiet NaN: a sum that reads it becomes NaN
constexpr std::uint32_t kCanaryHuge = 0x7149f2ca;  // 1e30: fmaxf drops NaN, but not this

template <class Value>
Value read_as(std::span<const unsigned char> bytes, std::size_t at) {
  Value value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string element_text(const GuardedBytes& bytes, std::span<const unsigned char> from, std::size_t at) {
  if (bytes.is_float) return fmt::format("{:.9g}", read_as<float>(from, at));
  if (bytes.element_size == 4) return fmt::format("{}", read_as<std::int32_t>(from, at));
  std::string text = "bytes";
  for (std::size_t i = 0; i < bytes.element_size; ++i) text += fmt::format(" {:02x}", from[at + i]);
  return text;
}

struct Overrun {
  std::ptrdiff_t first = 0;  // element index relative to the contents: negative before, >= size behind
  std::size_t count = 0;
};

// Elements of [from, to) whose canary changed.
Overrun find_overrun(const GuardedBytes& bytes, std::size_t from, std::size_t to) {
  Overrun overrun;
  std::ptrdiff_t last = 0;
  for (std::size_t at = from; at < to; ++at) {
    if (bytes.whole[at] == canary_byte(at)) continue;
    const auto offset = static_cast<std::ptrdiff_t>(at) - static_cast<std::ptrdiff_t>(bytes.begin);
    const auto width = static_cast<std::ptrdiff_t>(bytes.element_size);
    const std::ptrdiff_t index = offset >= 0 ? offset / width : (offset - width + 1) / width;
    if (overrun.count == 0) overrun.first = index;
    if (overrun.count == 0 || index != last) ++overrun.count;
    last = index;
  }
  return overrun;
}

}  // namespace

unsigned char canary_byte(std::size_t position) {
  const std::uint32_t word = (position / 4) % 2 == 0 ? kCanaryNan : kCanaryHuge;
  return static_cast<unsigned char>(word >> (8 * (position % 4)));
}

testing::AssertionResult check_guarded(const GuardedBytes& bytes, const char* name) {
  const std::size_t elements = bytes.size / bytes.element_size;
  const std::size_t end = bytes.begin + bytes.size;

  const Overrun behind = find_overrun(bytes, end, bytes.whole.size());
  if (behind.count != 0) {
    const std::size_t at = bytes.begin + static_cast<std::size_t>(behind.first) * bytes.element_size;
    const bool whole_element = at + bytes.element_size <= bytes.whole.size();
    return testing::AssertionFailure() << fmt::format(
               "{0}: {1} element{2} written past the end: first {0}[{3}]{4}, but {0} has {5} elements\n"
               "  likely cause: a missing or wrong bounds guard (if (i < n)), or an index of the wrong "
               "dimension",
               name, behind.count, behind.count == 1 ? "" : "s", behind.first,
               whole_element ? " = " + element_text(bytes, bytes.whole, at) : "", elements);
  }
  const Overrun before = find_overrun(bytes, 0, bytes.begin);
  if (before.count != 0) {
    return testing::AssertionFailure() << fmt::format(
               "{0}: {1} element{2} written before the start: first {0}[{3}]\n"
               "  likely cause: a negative index: something subtracted from a thread or row index without a "
               "guard",
               name, before.count, before.count == 1 ? "" : "s", before.first);
  }
  if (!bytes.is_input) return testing::AssertionSuccess();

  std::size_t changed = 0, first = 0;
  for (std::size_t i = 0; i < elements; ++i) {
    const std::size_t at = i * bytes.element_size;
    if (std::memcmp(bytes.whole.data() + bytes.begin + at, bytes.original.data() + at, bytes.element_size) ==
        0)
      continue;
    if (changed++ == 0) first = i;
  }
  if (changed == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << fmt::format(
             "{0} is an input, but {1} of its {2} elements changed: first {0}[{3}] was {4}, is {5}\n"
             "  likely cause: arguments in the wrong order, or a result written to the wrong pointer",
             name, changed, elements, first, element_text(bytes, bytes.original, first * bytes.element_size),
             element_text(bytes, bytes.whole, bytes.begin + first * bytes.element_size));
}

}  // namespace wb::detail
