// Writing a file so that it is on the disk when it is said to be, and taking stock of it on the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace wb {

/// What a file must look like when it is read again.
struct FileFacts {
  std::uint64_t bytes = 0;
  std::uint32_t crc32 = 0;
};

/// A new file. Errors: whatever the system refuses (full disk, quota, size limit, no permission) throws
/// wb::Error, one line that names the file, the reason and what to do. Then, or when it was never finished,
/// the file is removed.
class DurableFile {
 public:
  /// Creates or empties `path`, which must not be anything else than a regular file.
  explicit DurableFile(const std::string& path);
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;
  ~DurableFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Waits until the disk has it all.
  FileFacts finish();

 private:
  [[noreturn]] void fail(int error) const;

  std::string path_;
  int file_ = -1;
  bool finished_ = false;
  FileFacts facts_;
};

/// The whole of a small file. Errors: as above.
FileFacts write_durably(const std::string& path, std::string_view text);

/// Waits until the disk knows which files a folder holds. Errors: throws wb::Error.
void sync_folder(const std::string& path);

/// " (free some space ...)": what to do after this errno, as the end of a message; empty where nothing is
/// known.
std::string advice_for(int error);

}  // namespace wb
