#include "common/harness/diagnosis.h"

#include <bit>
#include <cmath>
#include <cstdint>

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
  // An infinite expectation would make the tolerance infinite too, and let everything pass.
  return std::isfinite(expected) &&
         std::fabs(got - expected) <= tolerance.absolute + tolerance.relative * std::fabs(expected);
}

bool is_poison(float value) {
  return std::bit_cast<std::uint32_t>(value) == 0xffffffffU;
}

}  // namespace wb::detail
