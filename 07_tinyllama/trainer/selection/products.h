// The matrix products of one training step: which shapes, and how often.
#pragma once

#include <vector>

#include "02_matmul/matmul.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kv_layout.h"

namespace wb {

struct ProductShape {
  MatmulLayout layout = MatmulLayout::kNN;
  int m = 0, n = 0, k = 0;
  bool of_weight = false;  // adds to the gradient of a weight, which is fp32 always: beta is 1
  double calls = 0.0;      // of a step

  bool same_shape(const ProductShape& other) const {
    return layout == other.layout && m == other.m && n == other.n && k == other.k &&
           of_weight == other.of_weight;
  }
};

/// Those of model.cpp, model_backward.cpp, the K/V layouts and a SwiGLU that takes the product it is given.
/// A test counts the calls of a real step against this list.
std::vector<ProductShape> products_of_step(const ModelConfig& config, KvLayout kv_layout);

}  // namespace wb
