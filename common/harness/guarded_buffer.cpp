#include "common/harness/guarded_buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace wb::detail {
namespace {

using Bytes = std::span<const unsigned char>;

template <class Value>
Value read_as(Bytes bytes) {
  Value value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string element_text(const GuardedBytes& buffer, Bytes element) {
  if (buffer.is_float) return fmt::format("{:.9g}", read_as<float>(element));
  if (element.size() == 4) return fmt::format("{}", read_as<std::int32_t>(element));
  std::string text = "bytes";
  for (const unsigned char byte : element) text += fmt::format(" {:02x}", byte);
  return text;
}

// Which elements of `is` differ from `was`: the first, the last, and how many.
struct Difference {
  std::size_t count = 0, first = 0, last = 0;
};

Difference compare(Bytes is, Bytes was, std::size_t element_size) {
  Difference difference;
  if (std::ranges::equal(is, was)) return difference;  // nearly always, and at once
  for (std::size_t at = 0; at < is.size(); at += element_size) {
    const std::size_t size = std::min(element_size, is.size() - at);
    if (std::memcmp(is.data() + at, was.data() + at, size) == 0) continue;
    const std::size_t index = at / element_size;
    if (difference.count++ == 0) difference.first = index;
    difference.last = index;
  }
  return difference;
}

const char* plural(std::size_t count) {
  return count == 1 ? "" : "s";
}

}  // namespace

std::vector<unsigned char> canary(std::size_t size, std::uint32_t id) {
  // The last mantissa bits belong to the buffer. The first word is a number, because a kernel that works in
  // place would not change a NaN, but nearly always changes a number. It is small enough that an addition
  // changes it.
  constexpr std::uint32_t kNan = 0x7fc00000, kLarge = 0x49700000, kSign = 0x80000000;  // NaN, about 1e6
  const std::uint32_t pattern[] = {kLarge, kNan, kLarge | kSign, kNan};
  std::array<unsigned char, sizeof(pattern)> once{};
  for (std::size_t at = 0; at < once.size(); ++at) {
    const std::uint32_t word = pattern[at / 4] | (id & 0xfffff);
    once[at] = static_cast<unsigned char>(word >> (8 * (at % 4)));
  }
  std::vector<unsigned char> bytes(size);
  for (std::size_t at = 0; at < size; at += once.size()) {
    std::memcpy(bytes.data() + at, once.data(), std::min(once.size(), size - at));
  }
  return bytes;
}

std::uint32_t next_canary_id() {
  // An odd step through 2^20 values: neighbors differ in many bits, and no value repeats for a million
  // buffers.
  static std::uint32_t id = 0;
  return id += 0x9e375;
}

testing::AssertionResult check_guarded(const GuardedBytes& buffer, const char* name) {
  const std::size_t width = buffer.element_size;
  const Difference behind = compare(buffer.behind, canary(buffer.behind.size(), buffer.canary_id), width);
  if (behind.count != 0) {
    const Bytes element = buffer.behind.subspan(behind.first * width, std::min(width, buffer.behind.size()));
    return testing::AssertionFailure() << fmt::format(
               "{0}: {1} element{2} written past the end: first {0}[{3}] = {4}, but {0} has {5} element{6}\n"
               "  what:  a missing or wrong bounds guard, if (i < n), or an index made of the wrong "
               "dimension",
               name, behind.count, plural(behind.count), buffer.elements + behind.first,
               element_text(buffer, element), buffer.elements, plural(buffer.elements));
  }
  const Difference before = compare(buffer.before, canary(buffer.before.size(), buffer.canary_id), width);
  if (before.count != 0) {
    return testing::AssertionFailure() << fmt::format(
               "{0}: {1} element{2} written before the start: nearest {0}[-{3}]\n"
               "  what:  a negative index: something is subtracted from a thread or row index without a "
               "guard",
               name, before.count, plural(before.count), buffer.before.size() / width - before.last);
  }
  const Difference changed = compare(buffer.contents, buffer.original, width);
  if (changed.count == 0) return testing::AssertionSuccess();
  const std::size_t at = changed.first * width;
  return testing::AssertionFailure() << fmt::format(
             "{0}: an input, but {1} of its {2} elements changed: first {0}[{3}] was {4}, is {5}\n"
             "  what:  arguments in the wrong order, or a result written through the wrong pointer",
             name, changed.count, buffer.elements, changed.first,
             element_text(buffer, buffer.original.subspan(at, width)),
             element_text(buffer, buffer.contents.subspan(at, width)));
}

}  // namespace wb::detail
