// Where the rows of a batch start: a pure function of the seed and the batch, the same on host and device.
//
// No state is carried from batch to batch, so a run that is resumed at any step reads the same batches as an
// uninterrupted run.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace wb {

/// The output function of SplitMix64 (Steele, Lea, Flood, 2014): neighboring inputs give unrelated outputs.
__host__ __device__ inline std::uint64_t mix_bits(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// Uniform in [0, bound), up to a bias of bound / 2^64.
__host__ __device__ inline std::int64_t random_below(std::int64_t bound, std::uint64_t seed, int batch,
                                                     std::uint64_t where) {
  const std::uint64_t bits = mix_bits(mix_bits(mix_bits(seed) + static_cast<std::uint64_t>(batch)) + where);
  return static_cast<std::int64_t>(bits % static_cast<std::uint64_t>(bound));
}

/// How the rows of all batches lie in a text of `length` tokens.
struct RowPlan {
  std::int64_t length = 0;  // at least T + 1
  std::uint64_t seed = 0;   // of random rows
  std::int64_t rows = 0;    // 0: rows start at random. Else so many rows, evenly spaced over the text, the
                            // first at its start and the last at its end; batches repeat after them
};

/// The first token of row `row` of a batch of `b` rows of `t` tokens and the token after them.
__host__ __device__ inline std::int64_t row_start(const RowPlan& plan, int batch, int row, int b, int t) {
  const std::int64_t places = plan.length - t;
  if (plan.rows == 0) return random_below(places, plan.seed, batch, static_cast<std::uint64_t>(row));
  if (plan.rows == 1) return 0;
  const std::int64_t index = (static_cast<std::int64_t>(batch) * b + row) % plan.rows;
  return index * (places - 1) / (plan.rows - 1);
}

}  // namespace wb
