// Neighbouring floats that move as one: a kernel template over kWidth is written once, and serves both rows
// that allow 16-byte loads (Pack<4>) and those that do not (Pack<1>).
#pragma once

#include <cstddef>
#include <cstdint>

namespace wb {

/// kWidth floats, aligned so that a copy is one load or store instruction.
template <int kWidth>
struct alignas(kWidth * sizeof(float)) Pack {
  float values[kWidth];
};

/// Whether every row of contiguous (rows, columns) matrices at these addresses starts at a multiple of 16
/// bytes and holds a whole number of Pack<4>.
template <class... T>
bool rows_fit_pack4(int columns, const T*... matrices) {
  return columns % 4 == 0 && ((reinterpret_cast<std::uintptr_t>(matrices) % sizeof(Pack<4>) == 0) && ...);
}

}  // namespace wb
