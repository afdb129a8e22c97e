// The device memory of one problem: every tensor between canaries, outputs poisoned, inputs that must not
// change.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/core/bf16.h"
#include "common/core/device_buffer.h"

namespace wb {

enum class Element { kFloat, kBf16, kInt };
template <class T>
inline constexpr Element kElementOf = Element::kInt;
template <>
inline constexpr Element kElementOf<float> = Element::kFloat;
template <>
inline constexpr Element kElementOf<bf16> = Element::kBf16;

enum class Role {
  kInput,   // read only
  kOutput,  // overwritten: starts as NaN, and is compared
  kInout,   // read and written: starts as random values, and is compared
  kMemory,  // written and read by the implementation alone: starts as NaN, and is not compared
};

/// One argument of a kernel.
struct TensorSpec {
  std::string name;  // as the contract calls it
  std::int64_t elements = 0;
  Element element = Element::kFloat;
  Role role = Role::kInput;
  float low = -1.0f, high = 1.0f;  // range of the random values; of an int the values are in [0, high)
};

class Workspace {
 public:
  /// Allocates and fills. The same seed gives the same values on every device.
  Workspace(std::vector<TensorSpec> tensors, std::uint64_t seed);

  /// The tensor at that place of the list, as its element type.
  template <class T>
  T* at(std::size_t index) {
    WB_REQUIRE(index < tensors_.size() && tensors_[index].element == kElementOf<T>, index);
    return reinterpret_cast<T*>(contents(index));
  }
  const std::vector<TensorSpec>& tensors() const { return tensors_; }

  /// Outputs and memory get their poison, what is read and written its first values.
  void reset();
  /// Call it once all inputs hold what they shall hold: remembers what must come back unmodified.
  void seal();
  /// What was written outside the tensors, or into an input; waits. Empty: nothing.
  std::string damage();
  /// A copy of every output, canaries left out; empty buffers for the rest. Waits.
  std::vector<DeviceBuffer<unsigned char>> copy_outputs();
  /// Bytes of all tensors, canaries included.
  static std::size_t bytes_needed(const std::vector<TensorSpec>& tensors);

 private:
  unsigned char* contents(std::size_t index);
  std::uint64_t fingerprint_of(std::size_t index);

  std::vector<TensorSpec> tensors_;
  std::uint64_t seed_;
  std::vector<DeviceBuffer<unsigned char>> memory_;
  std::vector<std::uint64_t> fingerprints_;  // of the inputs, once sealed
};

std::size_t size_of(Element element);
inline bool is_compared(const TensorSpec& tensor) {
  return tensor.role == Role::kOutput || tensor.role == Role::kInout;
}

}  // namespace wb
