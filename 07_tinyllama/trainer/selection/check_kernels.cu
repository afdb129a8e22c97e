// Compare and fingerprint. Every thread writes its own sums (element_loop.cuh); the host adds them up.
#include "07_tinyllama/trainer/selection/check_kernels.h"

#include <cmath>
#include <limits>
#include <vector>

#include "07_tinyllama/trainer/selection/element_loop.cuh"
#include "common/core/device_buffer.h"

namespace wb {
namespace {

using namespace elements;

__device__ std::uint64_t bits_of(float value) {
  return static_cast<std::uint64_t>(__float_as_uint(value));
}
__device__ std::uint64_t bits_of(bf16 value) {
  return static_cast<std::uint64_t>(__bfloat16_as_ushort(value));
}
__device__ std::uint64_t bits_of(int value) {
  return static_cast<std::uint64_t>(static_cast<unsigned>(value));
}
__device__ bool is_poison(float value) {
  return bits_of(value) == 0xffffffffULL;
}
__device__ bool is_poison(bf16 value) {
  return bits_of(value) == 0xffffULL;
}

template <class T>
__global__ void fingerprint_kernel(const T* values, std::uint64_t* partial, std::int64_t n) {
  std::uint64_t sum = 0;
  for (std::int64_t i = first_element(); i < n; i += threads_of_grid()) {
    sum += mix(bits_of(values[i]) + mix(static_cast<std::uint64_t>(i)));
  }
  partial[first_element()] = sum;
}

template <class T>
__global__ void square_kernel(const T* values, double* partial, std::int64_t n) {
  double sum = 0.0;
  for (std::int64_t i = first_element(); i < n; i += threads_of_grid()) {
    const double value = static_cast<double>(to_float(values[i]));
    sum += value * value;
  }
  partial[first_element()] = sum;
}

struct Partial {
  std::int64_t wrong, unwritten, worst_at;
  double worst, square_error, square;
};

template <class T>
__global__ void compare_kernel(const T* got, const T* expected, Partial* partial, std::int64_t n,
                               double allowed, double scale) {
  Partial mine = {0, 0, 0, -1.0, 0.0, 0.0};
  for (std::int64_t i = first_element(); i < n; i += threads_of_grid()) {
    const double is = static_cast<double>(to_float(got[i]));
    const double should = static_cast<double>(to_float(expected[i]));
    const double distance = fabs(is - should);
    double error = distance / fmax(fabs(should), scale);
    // NaN compares false with everything: written so that it is the worst error of all.
    if (!(error <= allowed)) ++mine.wrong;
    if (!(error < INFINITY)) error = INFINITY;
    if (is_poison(got[i])) ++mine.unwritten;
    if (error > mine.worst) {
      mine.worst = error;
      mine.worst_at = i;
    }
    mine.square_error += distance * distance;
    mine.square += should * should;
  }
  partial[first_element()] = mine;
}

}  // namespace

template <class T>
std::uint64_t fingerprint(const T* values, std::int64_t n) {
  DeviceBuffer<std::uint64_t> partial(rows_for(n));
  fingerprint_kernel<<<blocks_for(n), kThreads>>>(values, partial.data(), n);
  WB_CHECK_LAUNCH();
  std::uint64_t sum = 0;
  for (const std::uint64_t row : partial.download()) sum += row;
  return sum;
}

template <class T>
double root_mean_square(const T* values, std::int64_t n) {
  DeviceBuffer<double> partial(rows_for(n));
  square_kernel<<<blocks_for(n), kThreads>>>(values, partial.data(), n);
  WB_CHECK_LAUNCH();
  double sum = 0.0;
  for (const double row : partial.download()) sum += row;
  return std::sqrt(sum / static_cast<double>(n));
}

template <class T>
Difference compare(const T* got, const T* expected, std::int64_t n, double allowed, double scale) {
  DeviceBuffer<Partial> partial(rows_for(n));
  compare_kernel<<<blocks_for(n), kThreads>>>(got, expected, partial.data(), n, allowed, scale);
  WB_CHECK_LAUNCH();
  Difference total;
  total.worst = -1.0;
  double square_error = 0.0, square = 0.0;
  for (const Partial& row : partial.download()) {
    total.wrong += row.wrong;
    total.unwritten += row.unwritten;
    const bool first_of_equals = row.worst == total.worst && row.worst_at < total.worst_at;
    if (row.worst > total.worst || first_of_equals) {
      total.worst = row.worst;
      total.worst_at = row.worst_at;
    }
    square_error += row.square_error;
    square += row.square;
  }
  total.relative = square > 0.0 ? std::sqrt(square_error / square)
                                : (square_error == 0.0 ? 0.0 : std::numeric_limits<double>::infinity());
  return total;
}

template std::uint64_t fingerprint(const float*, std::int64_t);
template std::uint64_t fingerprint(const bf16*, std::int64_t);
template std::uint64_t fingerprint(const int*, std::int64_t);
template double root_mean_square(const float*, std::int64_t);
template double root_mean_square(const bf16*, std::int64_t);
template Difference compare(const float*, const float*, std::int64_t, double, double);
template Difference compare(const bf16*, const bf16*, std::int64_t, double, double);

}  // namespace wb
