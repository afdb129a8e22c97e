// Neighboring elements that are loaded and stored together. A kernel template over kWidth is written once,
// for rows that allow 16-byte loads (Pack<4>, or Pack<8, bf16>) and for rows that do not (Pack<1>).
#pragma once

#include <cstddef>
#include <cstdint>

namespace wb {

/// kWidth elements, aligned so that a copy is one load or store instruction.
template <int kWidth, class T = float>
struct alignas(kWidth * sizeof(T)) Pack {
  T values[kWidth];
};

/// Whether every row of contiguous (rows, columns) matrices at these addresses starts at a multiple of the
/// pack's size and holds a whole number of packs of kWidth elements.
template <int kWidth, class... T>
bool rows_fit_pack(int columns, const T*... matrices) {
  return columns % kWidth == 0 &&
         ((reinterpret_cast<std::uintptr_t>(matrices) % sizeof(Pack<kWidth, T>) == 0) && ...);
}

/// The same for packs of four floats.
template <class... T>
bool rows_fit_pack4(int columns, const T*... matrices) {
  return rows_fit_pack<4>(columns, matrices...);
}

/// Whether the address is a multiple of an element's size. Launchers refuse a pointer that is not aligned.
template <class T>
bool is_aligned(const T* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % alignof(T) == 0;
}

}  // namespace wb
