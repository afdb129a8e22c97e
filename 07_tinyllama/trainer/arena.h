// Arenas: many tensors in one piece of device memory, described by a table of name, shape and offset.
//
// One memset clears all gradients, one launch updates all parameters, and one collective adds up all
// gradients of data parallelism.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "07_tinyllama/trainer/config.h"
#include "common/core/device_buffer.h"

namespace wb {

/// One row of the table. The offset is in floats from the arena's start, also for tensors of another type.
struct TensorEntry {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;
  std::size_t element_bytes = sizeof(float);  // 2: bf16

  std::int64_t elements() const;
};

/// Tensors in the order they were added. Offsets are multiples of kArenaAlignment floats, so that every
/// tensor may be read with the widest vector loads; the padding between tensors is not counted as elements.
class TensorTable {
 public:
  /// element_bytes: 4 for float, 2 for bf16. Errors: a name twice, a size < 0 or another element throws
  /// wb::Error.
  void add(std::string name, std::vector<std::int64_t> shape, std::size_t element_bytes = sizeof(float));

  const std::vector<TensorEntry>& entries() const { return entries_; }
  /// Errors: an unknown name throws wb::Error.
  const TensorEntry& at(std::string_view name) const;
  bool contains(std::string_view name) const { return index_.find(name) != index_.end(); }
  /// Sum of the tensors' elements, without padding.
  std::int64_t elements() const { return elements_; }
  /// Floats of the whole arena, with padding.
  std::int64_t extent() const { return extent_; }

 private:
  std::vector<TensorEntry> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::int64_t elements_ = 0;
  std::int64_t extent_ = 0;
};
inline constexpr std::int64_t kArenaAlignment = 64;  // floats: 256 bytes, as cudaMalloc itself aligns

/// The device memory of a table. Starts as zeros, padding included.
class Arena {
 public:
  explicit Arena(TensorTable table);

  const TensorTable& table() const { return table_; }
  /// Device pointer of a tensor. Errors: an unknown name, or a tensor of another T, throws wb::Error.
  template <class T = float>
  T* at(std::string_view name) {
    const TensorEntry& entry = table_.at(name);
    require_elements_of(entry, sizeof(T));
    return reinterpret_cast<T*>(memory_.data() + entry.offset);
  }
  float* data() { return memory_.data(); }
  std::size_t bytes() const { return memory_.bytes(); }

  /// Clears the whole arena in stream order: one memset.
  void zero(cudaStream_t stream);
  /// Copies one tensor to or from the host; waits. bf16 is converted: the values on the
  /// host are float. Errors: a wrong number of values throws wb::Error.
  std::vector<float> download(std::string_view name) const;
  void upload(std::string_view name, std::span<const float> values);
  /// The whole arena, padding included; waits.
  std::vector<float> download() const { return memory_.download(); }

 private:
  static void require_elements_of(const TensorEntry& entry, std::size_t bytes);

  TensorTable table_;
  DeviceBuffer<float> memory_;
};

/// The parameters of a Llama under their Hugging Face names: the embedding, the matrices layer by layer, then
/// all norm weights, so that tensors that the optimizer treats alike are neighbors. The head is tied: the
/// embedding is also the matrix that makes logits, so there is no lm_head.weight.
TensorTable parameter_table(const ModelConfig& config);

/// Device pointers of one layer's parameters, T in memory, or of their gradients, which are float.
template <class T>
struct LayerWeights {
  T* input_norm = nullptr;      // (C)
  T* q_proj = nullptr;          // (H*D, C)
  T* k_proj = nullptr;          // (K*D, C)
  T* v_proj = nullptr;          // (K*D, C)
  T* o_proj = nullptr;          // (C, H*D)
  T* attention_norm = nullptr;  // (C), Hugging Face's post_attention_layernorm
  T* gate_proj = nullptr;       // (F, C)
  T* up_proj = nullptr;         // (F, C)
  T* down_proj = nullptr;       // (C, F)
};

template <class T>
struct ModelWeights {
  T* embedding = nullptr;  // (V, C)
  std::vector<LayerWeights<T>> layers;
  T* norm = nullptr;  // (C)
};

/// The pointers into memory laid out as parameter_table(config): an arena, or its copy in another T with the
/// same offsets.
template <class T>
ModelWeights<T> weights_of(T* memory, const TensorTable& table, const ModelConfig& config);
inline ModelWeights<float> weights_of(Arena& arena, const ModelConfig& config) {
  return weights_of(arena.data(), arena.table(), config);
}

}  // namespace wb
