#include "07_tinyllama/trainer/token_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/core/error.h"

namespace wb {
namespace {

constexpr std::size_t kChunkBytes = 32 << 10;

// As many open files as the system allows, where a shell's usual 1024 are too few for a folder of books.
bool allow_more_files() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return false;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

// O_NONBLOCK: opening a pipe that nobody writes to must not wait.
int open_to_read(const std::string& path) {
  const auto attempt = [&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); };
  const int handle = attempt();
  return handle < 0 && errno == EMFILE && allow_more_files() ? attempt() : handle;
}

// A descriptor that closes itself.
class File {
 public:
  explicit File(std::string path) : path_(std::move(path)), handle_(open_to_read(path_)) {
    if (handle_ < 0) throw Error(fmt::format("data: cannot read '{}': {}", path_, std::strerror(errno)));
  }
  ~File() { close(handle_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int handle() const { return handle_; }

  void read(std::int64_t offset, std::size_t bytes, unsigned char* out) const {
    while (bytes != 0) {
      const ssize_t got = pread(handle_, out, bytes, offset);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error(fmt::format("data: cannot read '{}': {}", path_, std::strerror(errno)));
      if (got == 0) {
        throw Error(fmt::format("data: '{}' was cut short while it was in use; put it back", path_));
      }
      offset += got;
      out += got;
      bytes -= static_cast<std::size_t>(got);
    }
  }

 private:
  std::string path_;
  int handle_;
};

// The size of a regular file with something in it.
std::size_t checked_size(const File& file, const std::string& path) {
  struct stat status = {};
  if (fstat(file.handle(), &status) != 0) {
    throw Error(fmt::format("data: cannot read '{}': {}", path, std::strerror(errno)));
  }
  if (S_ISDIR(status.st_mode)) throw Error(fmt::format("data: '{}' is a directory, not a file", path));
  if (!S_ISREG(status.st_mode)) {
    throw Error(
        fmt::format("data: '{}' is a device or a pipe; copy what it holds to a file and give that", path));
  }
  if (status.st_size == 0) throw Error(fmt::format("data: '{}' is empty; give a file with text", path));
  return static_cast<std::size_t>(status.st_size);
}

}  // namespace

// An open file, or a copy in memory.
struct Tokens::Piece {
  std::int64_t begin = 0;  // of its first token, among all pieces
  std::int64_t tokens = 0;
  std::shared_ptr<const File> file;
  std::shared_ptr<const std::vector<unsigned char>> memory;
};

Tokens Tokens::open(const std::vector<std::string>& paths, TokenWidth width) {
  if (paths.empty()) throw Error("data: no file was given");
  auto pieces = std::make_shared<std::vector<Piece>>();
  Tokens tokens;
  tokens.width_ = width;
  for (const std::string& path : paths) {
    auto file = std::make_shared<const File>(path);
    const std::size_t size = checked_size(*file, path);
    const auto each = static_cast<std::size_t>(width);
    if (size % each != 0) {
      throw Error(
          fmt::format("data: '{}' has {} bytes, which is no whole number of 16-bit tokens", path, size));
    }
    const auto count = static_cast<std::int64_t>(size / each);
    pieces->push_back({tokens.end_, count, std::move(file), nullptr});
    tokens.end_ += count;
  }
  tokens.pieces_ = std::move(pieces);
  tokens.name_ = std::filesystem::path(paths.front()).filename().string();
  if (paths.size() > 1) tokens.name_ += fmt::format(" and {} more", paths.size() - 1);
  return tokens;
}

Tokens Tokens::copy_of(const void* data, std::int64_t count, TokenWidth width) {
  WB_REQUIRE(count >= 0, count);
  const auto* first = static_cast<const unsigned char*>(data);
  const auto bytes = static_cast<std::size_t>(count) * static_cast<std::size_t>(width);
  auto copy = std::make_shared<const std::vector<unsigned char>>(first, first + bytes);
  Tokens tokens;
  tokens.width_ = width;
  tokens.end_ = count;
  tokens.name_ = "text";
  tokens.pieces_ =
      std::make_shared<const std::vector<Piece>>(std::vector<Piece>{{0, count, nullptr, std::move(copy)}});
  return tokens;
}

Tokens Tokens::part(std::int64_t begin, std::int64_t end) const {
  WB_REQUIRE(begin >= 0 && begin <= end, begin);
  WB_REQUIRE(end <= size(), end);
  Tokens result = *this;
  result.begin_ = begin_ + begin;
  result.end_ = begin_ + end;
  return result;
}

template <class Visitor>
void Tokens::for_each_stretch(std::int64_t begin, std::int64_t count, Visitor&& visit) const {
  WB_REQUIRE(begin >= 0 && count >= 0, begin);
  WB_REQUIRE(begin + count <= size(), begin + count);
  std::int64_t at = begin_ + begin;
  const std::int64_t end = at + count;
  // The last piece that starts at or before `at`.
  auto piece = std::upper_bound(pieces_->begin(), pieces_->end(), at,
                                [](std::int64_t place, const Piece& p) { return place < p.begin; });
  if (piece != pieces_->begin()) --piece;
  std::array<unsigned char, kChunkBytes> chunk;
  for (; at < end; ++piece) {
    const std::int64_t last = std::min(end, piece->begin + piece->tokens);
    for (std::int64_t here = 0; at < last; at += here) {
      const std::int64_t offset = (at - piece->begin) * bytes_per_token();
      here = last - at;
      if (piece->memory != nullptr) {
        visit(piece->memory->data() + offset, here);
        continue;
      }
      here = std::min<std::int64_t>(here, kChunkBytes / static_cast<std::size_t>(width_));
      piece->file->read(offset, static_cast<std::size_t>(here * bytes_per_token()), chunk.data());
      visit(chunk.data(), here);
    }
  }
}

void Tokens::copy(std::int64_t begin, std::int64_t count, void* out) const {
  auto* next = static_cast<unsigned char*>(out);
  for_each_stretch(begin, count, [&](const unsigned char* bytes, std::int64_t tokens) {
    const auto size = static_cast<std::size_t>(tokens * bytes_per_token());
    std::memcpy(next, bytes, size);
    next += size;
  });
}

void Tokens::copy(std::int64_t begin, std::int64_t count, int* out) const {
  for_each_stretch(begin, count, [&](const unsigned char* bytes, std::int64_t tokens) {
    const int high = width_ == TokenWidth::kUint16 ? 1 : 0;
    const std::int64_t stride = bytes_per_token();
    for (std::int64_t i = 0; i < tokens; ++i) {
      const unsigned char* token = bytes + i * stride;
      *out++ = token[0] + (high != 0 ? 256 * token[1] : 0);
    }
  });
}

int Tokens::largest() const {
  int most = -1;
  for_each_stretch(0, size(), [&](const unsigned char* bytes, std::int64_t tokens) {
    if (width_ == TokenWidth::kByte) {
      for (std::int64_t i = 0; i < tokens; ++i) most = std::max<int>(most, bytes[i]);
    } else {
      for (std::int64_t i = 0; i < tokens; ++i) most = std::max(most, bytes[2 * i] + 256 * bytes[2 * i + 1]);
    }
  });
  return most;
}

}  // namespace wb
