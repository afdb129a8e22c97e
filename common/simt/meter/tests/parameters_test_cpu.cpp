// The names of a kernel's parameters, as its source has them.
#include "meter/parameters.h"

#include <gtest/gtest.h>

namespace {

using Names = std::vector<std::string>;
using simt::meter::parameter_names;

TEST(Parameters, OfAKernel) {
  const std::string source = R"(
void launch(float* a) { other(a); }
template <class T, int kWidth>
__global__ void __launch_bounds__(256) scale(const T* __restrict__ from,  // (n), read
                                             T* to, /* (n, m) */ std::pair<int, int> size,
                                             float factor = 2.0f)
{ scale_one(to, from); }
__global__ void scale_twice(float* x) { scale(x); }
)";
  EXPECT_EQ(parameter_names(source, "scale<float, 4>"), (Names{"from", "to", "size", "factor"}));
  EXPECT_EQ(parameter_names(source, "wb::scale_twice"), (Names{"x"}));
  EXPECT_EQ(parameter_names(source, "launch"), Names{}) << "no kernel";
  EXPECT_EQ(parameter_names(source, "absent"), Names{});
}

}  // namespace
