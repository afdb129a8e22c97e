#include "07_tinyllama/trainer/checkpoint/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "07_tinyllama/trainer/checkpoint/crc32.h"
#include "common/core/error.h"

namespace wb {
namespace {

// The default answer to a file that grows past `ulimit -f` is to end the process, without a word on the file.
void refuse_to_die_of_a_size_limit() {
  static const bool once = [] {
    struct sigaction action {};
    if (sigaction(SIGXFSZ, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
      std::signal(SIGXFSZ, SIG_IGN);
    }
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace

std::string advice_for(int error) {
  switch (error) {
    case ENOSPC:
      return "; free some space or choose a folder on another disk";
    case EDQUOT:
      return "; your quota is used up: free some space or choose another folder";
    case EFBIG:
      return "; the file size limit (ulimit -f) is too small for it";
    case EROFS:
    case EACCES:
    case EPERM:
      return "; choose a folder that you may write to";
    default:
      return "";
  }
}

DurableFile::DurableFile(const std::string& path) : path_(path) {
  refuse_to_die_of_a_size_limit();
  file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file_ < 0) fail(errno);
  struct stat status {};
  const bool known = fstat(file_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode) || ftruncate(file_, 0) != 0) {
    const int error = !known ? errno : S_ISREG(status.st_mode) ? errno : EINVAL;
    close(file_);
    file_ = -1;
    fail(error);
  }
}

DurableFile::~DurableFile() {
  if (file_ >= 0) close(file_);
  if (file_ >= 0 && !finished_) unlink(path_.c_str());
}

void DurableFile::write(std::span<const std::byte> bytes) {
  facts_.crc32 = crc32(bytes, facts_.crc32);
  facts_.bytes += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(written < 0 ? errno : ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

FileFacts DurableFile::finish() {
  // Some file systems say only now that the disk is full.
  if (fsync(file_) != 0) fail(errno);
  finished_ = true;
  const int file = file_;
  file_ = -1;
  if (close(file) != 0) {
    const int error = errno;
    unlink(path_.c_str());
    fail(error);
  }
  return facts_;
}

void DurableFile::fail(int error) const {
  const std::string reason = error == EINVAL ? "it is no regular file" : std::strerror(error);
  throw Error(fmt::format("cannot write '{}': {}{}", path_, reason, advice_for(error)));
}

FileFacts write_durably(const std::string& path, std::string_view text) {
  DurableFile file(path);
  file.write(text);
  return file.finish();
}

void sync_folder(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(folder) == 0;
  const int error = errno;
  if (folder >= 0) close(folder);
  // A file system that cannot sync folders says EINVAL: then there is nothing to wait for.
  if (!synced && error != EINVAL) {
    throw Error(fmt::format("cannot write '{}': {}{}", path, std::strerror(error), advice_for(error)));
  }
}

}  // namespace wb
