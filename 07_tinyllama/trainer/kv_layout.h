// Component: how keys and values lie in memory between their projection and attention.
//
//   kStridedView   K^T = W X^T, as the formula says it: (K*D, B*T), read through strides. Nothing is copied,
//                  but the elements of one head lie B*T floats apart.
//   kContiguous    K = X W^T, then repeat_kv copies each head H/K times into (B, H, T, D): more memory, and
//                  every read is contiguous.
//
// Both give the same numbers. Stages 2 and 3 of the journey measure which is faster.
#pragma once

#include <memory>
#include <string_view>

#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kernels.h"

namespace wb {

enum class KvLayout { kStridedView, kContiguous };

/// "strided view" or "contiguous".
std::string_view name_of(KvLayout layout);

/// Angles on the device, for every rotation of the model.
struct RopeAngles {
  const float* cosine = nullptr;  // (T, D/2)
  const float* sine = nullptr;    // (T, D/2)
};

/// The path of one layer from normalized input to rotated queries, keys and values, and its backward pass. T
/// is the type in memory, float or bf16.
template <class T>
class KvPath {
 public:
  struct Forward {
    const T* x;                      // (B*T, C), normalized input
    const LayerWeights<T>& weights;  //
    HeadsView<T> q;                  // (B, T, H, D), projected; rotated here together with k
    RopeAngles angles;
  };
  struct Backward {
    const T* x;                      // (B*T, C)
    const LayerWeights<T>& weights;  //
    LayerWeights<float>& gradients;  // k_proj and v_proj are added to
    HeadsView<T> dq;                 // (B, T, H, D), rotated back here together with dk
    T* dx;                           // (B*T, C), overwritten: the gradient of x through keys and values
    RopeAngles angles;
  };

  virtual ~KvPath() = default;

  /// Adds the tensors this layout needs to the activation table: those of a layer, and those all layers
  /// share.
  virtual void reserve(TensorTable& activations) const = 0;
  /// Looks the reserved tensors up.
  virtual void bind(Arena& activations) = 0;
  /// Heads that attention sees in keys and values: K, or H after repeat_kv.
  virtual int heads() const = 0;

  /// What attention reads, and where its backward writes.
  virtual HeadsView<T> keys(int layer) const = 0;    // (B, T, heads(), D)
  virtual HeadsView<T> values(int layer) const = 0;  // (B, T, heads(), D)
  virtual HeadsView<T> dkeys() const = 0;            // (B, T, heads(), D)
  virtual HeadsView<T> dvalues() const = 0;          // (B, T, heads(), D)

  virtual void forward(int layer, const Forward& in, const Kernels<T>& kernels, cudaStream_t stream) = 0;
  /// Reads dkeys() and dvalues(), which attention's backward has written. It also rotates dq, so project
  /// dq after it.
  virtual void backward(int layer, const Backward& in, const Kernels<T>& kernels, cudaStream_t stream) = 0;
};

template <class T>
std::unique_ptr<KvPath<T>> make_kv_path(KvLayout layout, const ModelConfig& config);

}  // namespace wb
