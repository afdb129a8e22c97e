#include "common/harness/diagnosis.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "common/harness/guarded_buffer.h"

namespace wb::detail {
namespace {

bool has_matrix(const Comparison& c) {
  if (c.shape.dims.size() < 2) return false;
  std::int64_t product = 1;
  for (const std::int64_t dim : c.shape.dims) product *= dim;
  return product == static_cast<std::int64_t>(c.size());
}

}  // namespace

std::size_t Comparison::columns() const {
  return has_matrix(*this) ? static_cast<std::size_t>(shape.dims.back()) : size();
}

std::size_t Comparison::rows() const {
  return size() / columns();
}

bool element_passes(double got, double expected, const Tolerance& tolerance) {
  if (got == expected) return true;
  // An infinite expected value would make the tolerance infinite too, and every value would pass.
  return std::isfinite(expected) &&
         std::fabs(got - expected) <= tolerance.absolute + tolerance.relative * std::fabs(expected);
}

bool is_untouched(float value) {
  return std::bit_cast<std::uint32_t>(value) == kPoisonWord;
}

bool is_poison(float value) {
  return is_untouched(value) || std::bit_cast<std::uint32_t>(value) == 0xffffffffU;
}

bool is_from_absent_lane(float value) {
  return (std::bit_cast<std::uint32_t>(value) & 0x7fffffffU) == 0x7fd5ffd5U;
}

bool is_from_canary(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value) & 0x7fffffffU;
  return (bits & 0x7ff00000U) == 0x7fc00000U && (bits & 0xfffffU) != 0;
}

}  // namespace wb::detail
