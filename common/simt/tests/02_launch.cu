// Rung 2: ways to write a launch. Templates, namespaces, function pointers, macros, conversions of arguments.
#include <cstdint>
#include <utility>

#include "common/simt/tests/ladder.h"

namespace kernels {
template <class T, int kScale = 2>
__global__ void scale(T* out, T value) {
  out[threadIdx.x] = value * T(kScale) + T(threadIdx.x);
}
}  // namespace kernels

namespace {

__global__ void add_wide(std::int64_t* out, std::int64_t value) {
  out[0] = value + 1;
}
__global__ void is_null(int* out, const float* pointer) {
  out[0] = pointer == nullptr;
}
__global__ void no_arguments() {}

struct Pair {
  int first;
  double second;
};
__global__ void take_struct(double* out, Pair pair) {
  out[0] = pair.first + pair.second;
}

// A parameter belongs to the thread: changing it changes nothing for the others.
__global__ void count_down(int* out, int n) {
  const int start = n;
  while (n > 0) --n;
  out[threadIdx.x] = start + n;
}

template <class F>
__global__ void apply(int* out, F function) {
  out[threadIdx.x] = function(static_cast<int>(threadIdx.x));
}
struct Square {
  __device__ int operator()(int x) const { return x * x; }
};

__global__ void overloaded(int* out) {
  out[0] = 1;
}
__global__ void overloaded(int* out, int value) {
  out[0] = value;
}

TEST(Launch, TemplateArgumentsGivenAndDeduced) {
  EXPECT_EQ(results<int>(2, [](int* p) { kernels::scale<int, 3><<<1, 2>>>(p, 10); }), (std::vector{30, 31}));
  EXPECT_EQ(results<float>(2, [](float* p) { kernels::scale<float><<<1, 2>>>(p, 10.0f); }),
            (std::vector{20.f, 21.f}));
  EXPECT_EQ(results<int>(1, [](int* p) { kernels::scale<<<1, 1>>>(p, 5); })[0], 10);
  EXPECT_EQ(results<int>(1, [](int* p) { ::kernels::scale<int, (3 > 2 ? 7 : 1)><<<1, 1>>>(p, 1); })[0], 7);
}

TEST(Launch, ArgumentsConvertToTheParametersTypes) {
  const int small = 41;
  EXPECT_EQ(results<std::int64_t>(1, [&](auto* p) { add_wide<<<1, 1>>>(p, small); })[0], 42);
  EXPECT_EQ(results<int>(1, [](int* p) { is_null<<<1, 1>>>(p, nullptr); })[0], 1);
  EXPECT_EQ(results<double>(1, [](auto* p) { take_struct<<<1, 1>>>(p, {1, 2.5}); })[0], 3.5);
  EXPECT_EQ(results<double>(1, [](auto* p) { take_struct<<<1, 1>>>(p, Pair{2, 0.5}); })[0], 2.5);
  const Pair pair{3, 0.25};
  EXPECT_EQ(results<double>(1, [&](auto* p) { take_struct<<<1, 1>>>(p, pair); })[0], 3.25);
}

__global__ void with_default(int* out, int value = 13) {
  out[0] = value;
}

TEST(Launch, DefaultArguments) {
  EXPECT_EQ(results<int>(1, [](int* p) { with_default<<<1, 1>>>(p); })[0], 13);
  EXPECT_EQ(results<int>(1, [](int* p) { with_default<<<1, 1>>>(p, 4); })[0], 4);
}

TEST(Launch, EveryThreadHasItsOwnArguments) {
  EXPECT_EQ(results<int>(64, [](int* p) { count_down<<<1, 64>>>(p, 7); }), std::vector<int>(64, 7));
}

TEST(Launch, FunctionObject) {
  EXPECT_EQ(results<int>(4, [](int* p) { apply<<<1, 4>>>(p, Square{}); }), (std::vector{0, 1, 4, 9}));
}

TEST(Launch, Overloads) {
  EXPECT_EQ(results<int>(1, [](int* p) { overloaded<<<1, 1>>>(p); })[0], 1);
  EXPECT_EQ(results<int>(1, [](int* p) { overloaded<<<1, 1>>>(p, 9); })[0], 9);
}

TEST(Launch, ThroughPointers) {
  void (*kernel)(int*, int) = count_down;
  EXPECT_EQ(results<int>(1, [&](int* p) { kernel<<<1, 1>>>(p, 3); })[0], 3);
  void (*table[2])(int*, int) = {count_down, kernels::scale<int, 4>};
  EXPECT_EQ(results<int>(1, [&](int* p) { table[1]<<<1, 1>>>(p, 3); })[0], 12);
  EXPECT_EQ(results<int>(1, [&](int* p) { (*kernel)<<<1, 1>>>(p, 4); })[0], 4);
}

#define LAUNCH_ONE(kernel, ...) kernel<<<1, 1>>>(__VA_ARGS__)

TEST(Launch, InsideAMacro) {
  EXPECT_EQ(results<int>(1, [](int* p) { LAUNCH_ONE(count_down, p, 6); })[0], 6);
}

template <class T>
std::vector<T> scaled_by(T value) {
  constexpr int kTwice = 2;
  return results<T>(1, [&](T* p) { kernels::scale<T, kTwice * 2><<<1, 1>>>(p, value); });
}

TEST(Launch, InsideATemplate) {
  EXPECT_EQ(scaled_by(2.5f)[0], 10.0f);
  EXPECT_EQ(scaled_by<unsigned>(3)[0], 12u);
}

TEST(Launch, ConfigurationFromExpressions) {
  const auto out = results<int>(8, [](int* p) {
    const dim3 grid(1);
    cudaStream_t stream = nullptr;
    count_down<<<  // over several lines, with a comment >>> in between
        grid, dim3{(2 + 2) * 2}, sizeof(std::pair<int, std::pair<int, int>>), stream>>>(p, 2);
    no_arguments<<<1, 1>>>();
  });
  EXPECT_EQ(out, std::vector<int>(8, 2));
}

TEST(Launch, ArgumentsAreTakenAtTheLaunch) {
  wb::DeviceBuffer<int> out(1);
  int value = 1;
  count_down<<<1, 1>>>(out.data(), value);
  value = 100;
  EXPECT_EQ(out.download()[0], 1);
  EXPECT_EQ(value, 100);
}

}  // namespace
