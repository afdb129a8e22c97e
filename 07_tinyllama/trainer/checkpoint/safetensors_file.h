// A safetensors file as it lies on the disk: its header checked in full, its tensors seen through memory.
//
// Format: https://github.com/huggingface/safetensors. 8 bytes with the header's size, a JSON header, then the
// tensors' bytes, one after another. Numbers are little-endian, as on every device here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/checkpoint/durable_file.h"
#include "07_tinyllama/trainer/mapped_file.h"

namespace wb {

/// One tensor. dtype is the format's name: "F32", "BF16", "I64", ...
struct TensorView {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;  // in the mapped file; at any address

  std::int64_t elements() const;
};

/// Bytes of one element, or 0 for a dtype that is not known.
std::size_t bytes_of_dtype(const std::string& dtype);

class SafetensorsFile {
 public:
  /// Nothing is allocated by what a file claims: the header may be no larger than the file, its JSON is read
  /// without building a tree of it, and the tensors must fill the rest of the file without holes or overlaps.
  /// Errors: throws wb::Error, one line that names the file and what is wrong with it.
  explicit SafetensorsFile(const std::string& path);

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const MappedFile& file() const { return file_; }

 private:
  MappedFile file_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// Values of an F32, F64, F16 or BF16 tensor. Errors: another dtype throws wb::Error.
std::vector<float> floats_of(const TensorView& tensor);

/// A tensor to be written: name, dtype, shape, and a function that hands over all its bytes in order, in as
/// many parts as it likes.
struct TensorSource {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::function<void(const std::function<void(std::span<const std::byte>)>& write)> bytes;
};

/// Writes `path` itself, in the order given, durably; see DurableFile. The header carries {"format": "pt"},
/// which transformers asks for. Errors: DurableFile's; a source with the wrong number of bytes throws
/// wb::Error.
FileFacts write_safetensors_file(const std::string& path, const std::vector<TensorSource>& tensors);

}  // namespace wb
