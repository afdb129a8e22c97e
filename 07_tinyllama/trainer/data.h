// Where tokens come from: the bytes of real files, a random generator, or one fixed batch.
//
// The source lives on the device and a kernel cuts each batch out of it: a step copies nothing from the host.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/config.h"
#include "common/core/device_buffer.h"

namespace wb {

class Data {
 public:
  /// Uniform random tokens of [0, V): nothing to learn, the loss stays at ln V.
  static Data random(const ModelConfig& config, std::uint64_t seed);
  /// The bytes of the files, one after another; a byte is a token. Rows of a batch start at random places.
  /// Errors: V < 256, no file, an unreadable or empty file, or fewer than T + 1 bytes throws wb::Error.
  static Data files(const ModelConfig& config, const std::vector<std::string>& paths, std::uint64_t seed);
  /// The same for bytes in memory.
  static Data text(const ModelConfig& config, std::span<const unsigned char> bytes, std::uint64_t seed);
  /// The same batch every step. Errors: not B*T tokens and targets, or one outside [0, V), throws wb::Error.
  static Data fixed(const ModelConfig& config, std::span<const int> tokens, std::span<const int> targets);

  /// Writes the batch of a step in stream order. The same seed and step give the same batch.
  void load(int step,      // counts from 0
            int* tokens,   // (B, T), on the device
            int* targets,  // (B, T): the token after each
            cudaStream_t stream) const;

  /// Throws wb::Error unless the batches have the shape and vocabulary of a model of this configuration.
  void require_fits(const ModelConfig& config) const;

  /// "random tokens", "151204 bytes of README.md and 11 more", ...
  const std::string& description() const { return description_; }

 private:
  Data(const ModelConfig& config, std::uint64_t seed)
      : b_(config.b), t_(config.t), v_(config.v), seed_(seed) {}

  int b_ = 0;
  int t_ = 0;
  int v_ = 0;
  std::uint64_t seed_ = 0;
  DeviceBuffer<unsigned char> text_;  // empty: random tokens
  DeviceBuffer<int> fixed_;           // (2, B, T), tokens and targets; empty: not fixed
  std::string description_;
};

}  // namespace wb
