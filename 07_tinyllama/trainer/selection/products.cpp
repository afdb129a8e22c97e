#include "07_tinyllama/trainer/selection/products.h"

namespace wb {
namespace {

class Counter {
 public:
  void add(MatmulLayout layout, int m, int n, int k, bool of_weight, double calls) {
    const ProductShape shape{layout, m, n, k, of_weight, calls};
    for (ProductShape& known : shapes_) {
      if (known.same_shape(shape)) {
        known.calls += calls;
        return;
      }
    }
    shapes_.push_back(shape);
  }

  // y (N, out) = x W^T;  dx = dy W;  dW += dy^T x.
  void add_linear(int n, int in, int out, double calls) {
    add(MatmulLayout::kNT, n, out, in, false, calls);
    add(MatmulLayout::kNN, n, in, out, false, calls);
    add(MatmulLayout::kTN, out, in, n, true, calls);
  }

  // y^T (out, N) = W x^T;  dx = (dy^T)^T W;  dW += dy^T x.
  void add_transposed_linear(int n, int in, int out, double calls) {
    add(MatmulLayout::kNT, out, n, in, false, calls);
    add(MatmulLayout::kTN, n, in, out, false, calls);
    add(MatmulLayout::kNN, out, in, n, true, calls);
  }

  std::vector<ProductShape> take() { return std::move(shapes_); }

 private:
  std::vector<ProductShape> shapes_;
};

}  // namespace

std::vector<ProductShape> products_of_step(const ModelConfig& config, KvLayout kv_layout) {
  const int n = config.tokens(), c = config.c;
  const int query_width = config.h * config.d(), kv_width = config.k * config.d();
  const double layers = config.l;
  Counter counter;
  counter.add_linear(n, c, query_width, layers);
  if (kv_layout == KvLayout::kContiguous) {
    counter.add_linear(n, c, kv_width, 2 * layers);
  } else {
    counter.add_transposed_linear(n, c, kv_width, 2 * layers);
  }
  counter.add_linear(n, query_width, c, layers);   // the output of attention
  counter.add_linear(n, c, config.f, 2 * layers);  // gate and up
  counter.add_linear(n, config.f, c, layers);      // down
  counter.add_linear(n, c, config.v, 1);           // the tied head
  return counter.take();
}

}  // namespace wb
