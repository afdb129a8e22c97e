// Where batches come from: the tokens of real files, a random generator, or one fixed batch.
//
// A batch is a pure function of the seed and its number. A source of up to kResidentBytes is kept on the
// device, and a kernel copies each batch out of it, so a step copies nothing from the host. Of a longer
// source only the batch's tokens are read, from the file through pinned memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/batch_start.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/token_file.h"
#include "common/core/device_buffer.h"

namespace wb {

inline constexpr std::int64_t kResidentBytes = std::int64_t{1} << 28;  // 256 MiB

class Data {
 public:
  /// Uniform random tokens of [0, V). There is nothing to learn: the loss stays at ln V.
  static Data random(const ModelConfig& config, std::uint64_t seed);
  /// Rows for training, which start at random places of the tokens.
  /// Errors: fewer than T + 1 tokens, or one outside the vocabulary, throws wb::Error that names the largest.
  static Data rows(const ModelConfig& config, const Tokens& tokens, std::uint64_t seed,
                   std::int64_t resident_bytes = kResidentBytes);
  /// Rows for validation, evenly spaced over the tokens and always the same. As many batches as are needed to
  /// cover the tokens once, but at most `most_batches`. Errors: as rows.
  static Data windows(const ModelConfig& config, const Tokens& tokens, int most_batches,
                      std::int64_t resident_bytes = kResidentBytes);
  /// rows() of the bytes of the files, one after another; a byte is a token.
  /// Errors: V < 256, and as Tokens::open and rows.
  static Data files(const ModelConfig& config, const std::vector<std::string>& paths, std::uint64_t seed);
  /// The same for bytes in memory.
  static Data text(const ModelConfig& config, std::span<const unsigned char> bytes, std::uint64_t seed);
  /// The same batch every step. Errors: not B*T tokens and targets, or one outside [0, V), throws wb::Error.
  static Data fixed(const ModelConfig& config, std::span<const int> tokens, std::span<const int> targets);

  Data(Data&&) noexcept;
  Data& operator=(Data&&) noexcept;
  ~Data();

  /// Writes batch number `batch` in stream order. May wait for copies of earlier batches, never for those
  /// of this one.
  void load(int batch,     // counts from 0
            int* tokens,   // (B, T), on the device
            int* targets,  // (B, T): the token after each
            cudaStream_t stream) const;

  /// Batches that are not repetitions: of windows() and fixed(). 0: no end of them.
  int batches() const { return batches_; }

  /// Throws wb::Error unless the batches have the shape and vocabulary of a model of this configuration.
  void require_fits(const ModelConfig& config) const;

  /// "random tokens", "151204 bytes of README.md and 11 more", ...
  const std::string& description() const { return description_; }

 private:
  struct Staging;  // pinned memory for a source that stays on the host
  Data(const ModelConfig& config, std::uint64_t seed);
  static Data planned(const ModelConfig& config, const Tokens& tokens, const RowPlan& plan,
                      std::int64_t resident_bytes);
  void load_staged(int batch, int* tokens, int* targets, cudaStream_t stream) const;

  int b_ = 0;
  int t_ = 0;
  int v_ = 0;
  int batches_ = 0;
  RowPlan plan_;
  Tokens source_;                         // of rows and windows
  DeviceBuffer<unsigned char> resident_;  // its bytes; empty: staged
  std::unique_ptr<Staging> staging_;
  DeviceBuffer<int> fixed_;  // (2, B, T), tokens and targets; empty: not fixed
  std::string description_;
};

}  // namespace wb
