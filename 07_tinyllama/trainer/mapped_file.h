// A memory-mapped file: the system loads the pages that are read, and a large file needs no second copy.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace wb {

class MappedFile {
 public:
  /// Errors: what cannot be opened, and what is no regular file (a folder, a device, a pipe), throws
  /// wb::Error naming it.
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  /// All of it. It must not be cut short while it is mapped: reading past its end would end the process.
  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::span<const std::byte> bytes_;
};

}  // namespace wb
