// Small safetensors files, whole in memory: golden data, logits. Large ones: safetensors_file.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace wb {

/// One tensor as stored. dtype is the format's name: "F32", "F64", "I32", "I64", ...
struct StoredTensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  /// Values of a floating-point tensor, and of an I32 or I64 tensor. Errors: another dtype throws wb::Error.
  std::vector<double> as_double() const;
  std::vector<float> as_float() const;
  std::vector<int> as_int() const;
};

using Safetensors = std::map<std::string, StoredTensor>;

/// Errors: an unreadable or malformed file throws wb::Error naming the file and what is wrong with it.
Safetensors read_safetensors(const std::string& path);

/// Writes beside `path` first and renames, so that a failure leaves no half file. Errors: throws wb::Error.
void write_safetensors(const std::string& path, const Safetensors& tensors);

StoredTensor make_f32(std::vector<std::int64_t> shape, std::span<const float> values);

}  // namespace wb
