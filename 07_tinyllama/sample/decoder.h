// A Llama that makes text: one token at a time, with the keys and values of all tokens before kept.
//
//   Decoder decoder(config, select_kernels("auto"), capacity);
//   load_weights(folder, config, decoder.parameters());
//   std::vector<float> logits = decoder.feed(prompt);  // one pass over all of it
//   logits = decoder.feed({&next, 1});                 // costs one row of attention
//
// The kernels are those of training, except attention: the causal one over a prompt, decode_attention after
// it.
#pragma once

#include <span>
#include <vector>

#include "06_flash_attention/decode_attention.h"
#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kernels.h"

namespace wb {

class Decoder {
 public:
  /// `capacity`: tokens that the cache has room for, at most T; B is ignored. Parameters start as zeros.
  /// Errors: validate(config)'s, a capacity outside [1, T], or more memory than is free throws wb::Error.
  Decoder(const ModelConfig& config, const KernelSet& kernels, int capacity);

  Arena& parameters() { return parameters_; }
  const ModelConfig& config() const { return config_; }
  int capacity() const { return capacity_; }
  /// Tokens in the cache.
  int position() const { return position_; }
  /// Forgets them.
  void reset() { position_ = 0; }

  /// Appends tokens to the cache; the logits (V) after the last of them. Waits. Errors: no token, one outside
  /// [0, V), or more than there is room for throws wb::Error.
  std::vector<float> feed(std::span<const int> tokens);
  /// The same; the logits (n, V) after each of them.
  std::vector<float> feed_all(std::span<const int> tokens);

 private:
  // Device memory of a pass over n tokens. Those of one token are kept, others live as long as their pass.
  struct Rows {
    Rows(const ModelConfig& config, const KernelSet& kernels, int n);
    int n;
    std::size_t attention_saved_size;
    DeviceBuffer<int> tokens;                         // (N)
    DeviceBuffer<float> input, middle, norm, branch;  // (N, C)
    DeviceBuffer<float> rstd;                         // (N)
    DeviceBuffer<float> q, attention;                 // (N, H*D)
    DeviceBuffer<float> gate, up, product;            // (N, F)
    DeviceBuffer<float> attention_saved;              // what the causal attention asks for
  };

  void require_room(std::span<const int> tokens) const;
  /// Leaves the normalized output of the last layer in rows.norm, and the tokens' keys and values in the
  /// cache.
  void pass(Rows& rows, std::span<const int> tokens);
  void layer(int index, Rows& rows);
  void attention(int index, Rows& rows);
  /// y (N, out) = x (N, in) w^T.
  void linear(const float* x, const float* w, float* y, int n, int in, int out);
  std::vector<float> logits_of(const float* norm, int n);        // norm (N, C)
  float* cache_of(DeviceBuffer<float>& cache, int layer) const;  // (capacity, K*D)

  ModelConfig config_;
  KernelSet kernels_;
  DecodeAttention::Function* decode_attention_;
  int capacity_;
  Arena parameters_;
  ModelWeights<float> weights_;
  DeviceBuffer<float> keys_, values_;  // (L, capacity, K*D); keys are rotated
  DeviceBuffer<float> rope_table_;     // (2, capacity, D/2): cosines, then sines
  DeviceBuffer<float> parts_;          // scratch memory of decode_attention
  Rows one_;
  DeviceBuffer<float> one_logits_;  // (V)
  int position_ = 0;
};

}  // namespace wb
