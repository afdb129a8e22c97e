// A bf16 argument of a kernel under test, with the numbers that it contains.
#pragma once

#include <cstddef>
#include <vector>

#include "common/harness/bf16.h"
#include "common/harness/guarded_buffer.h"

namespace wb {

struct Bf16Input {
  std::vector<float> values;  // as bf16 holds them
  GuardedBuffer<bf16> buffer;

  explicit Bf16Input(const std::vector<float>& exact, std::size_t misalign = 0)
      : values(rounded_to_bf16(exact)), buffer(GuardedBuffer<bf16>::input(to_bf16(exact), misalign)) {}
  std::vector<double> doubles() const { return to_double(values); }
};

}  // namespace wb
