// What `cublaslt` does beside multiplying, which matmul_test.cpp tests: its choice is kept, also when it has
// to be made while a CUDA graph is recorded.
#include <memory>

#include "02_matmul/matmul.h"
#include "02_matmul/testing/matmul_oracle.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

struct StreamEnd {
  void operator()(cudaStream_t stream) const { static_cast<void>(cudaStreamDestroy(stream)); }
};
using Stream = std::unique_ptr<CUstream_st, StreamEnd>;

Stream new_stream() {
  cudaStream_t stream = nullptr;
  WB_CUDA_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return Stream(stream);
}

// A product of a shape that no other test of this program has.
class Product {
 public:
  Product(int m, int n, int k)
      : m_(m),
        n_(n),
        k_(k),
        a_values_(rounded_to_bf16(random_uniform(area(m, k), 1))),
        b_values_(rounded_to_bf16(random_uniform(area(k, n), 2))),
        a_(GuardedBuffer<bf16>::input(to_bf16(a_values_))),
        b_(GuardedBuffer<bf16>::input(to_bf16(b_values_))),
        c_(GuardedBuffer<float>::output(area(m, n))) {}

  void run(cudaStream_t stream, float beta = 0.0f) {
    static const auto multiply = find_implementation<MatmulBf16ToFloat>("cublaslt").function;
    multiply(MatmulLayout::kNN, a_.data(), b_.data(), c_.data(), m_, n_, k_, 1.0f, beta, stream);
  }
  std::vector<float> result() const { return c_.download(); }
  /// Whether c is `times` the product.
  testing::AssertionResult is_right(double times = 1.0) const {
    std::vector<double> expected = matmul_oracle(a_values_, b_values_, m_, n_, k_);
    for (double& value : expected) value *= times;
    return matches(c_.download(), expected, {2e-7 * k_ * times, 1e-6}, {{m_, n_}});
  }

 private:
  int m_, n_, k_;
  std::vector<float> a_values_, b_values_;
  GuardedBuffer<bf16> a_, b_;
  GuardedBuffer<float> c_;
};

TEST(MatmulCublaslt, GivesTheSameBitsOnEveryStream) {
  Product product(192, 320, 2048);
  product.run(nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  EXPECT_TRUE(product.is_right());
  const std::vector<float> first = product.result();
  const Stream other = new_stream();
  for (int i = 0; i < 10; ++i) {
    product.run(i % 2 == 0 ? other.get() : nullptr);
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    ASSERT_EQ(product.result(), first) << "call " << i;
  }
}

TEST(MatmulCublaslt, AddsOnceWhileItChooses) {
  Product product(160, 96, 512);
  product.run(nullptr);
  product.run(nullptr, 1.0f);  // the first call that accumulates: it times several algorithms
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  EXPECT_TRUE(product.is_right(2.0));
}

TEST(MatmulCublaslt, CanBeCalledFirstInsideACapture) {
  Product product(224, 256, 1024);
  const Stream stream = new_stream();  // whose workspace does not exist either
  WB_CUDA_CHECK(cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal));
  EXPECT_NO_THROW(product.run(stream.get()));
  cudaGraph_t graph = nullptr;
  WB_CUDA_CHECK(cudaStreamEndCapture(stream.get(), &graph));
  cudaGraphExec_t executable = nullptr;
  WB_CUDA_CHECK(cudaGraphInstantiate(&executable, graph, 0));
  WB_CUDA_CHECK(cudaGraphLaunch(executable, stream.get()));
  WB_CUDA_CHECK(cudaStreamSynchronize(stream.get()));
  EXPECT_TRUE(product.is_right());
  const std::vector<float> recorded = product.result();
  product.run(nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  EXPECT_EQ(product.result(), recorded) << "the choice made in the capture is kept";
  WB_CUDA_CHECK(cudaGraphExecDestroy(executable));
  WB_CUDA_CHECK(cudaGraphDestroy(graph));
}

}  // namespace
}  // namespace wb
