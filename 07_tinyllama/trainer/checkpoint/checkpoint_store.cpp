#include "07_tinyllama/trainer/checkpoint/checkpoint_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <vector>

#include "07_tinyllama/trainer/checkpoint/manifest.h"
#include "common/core/error.h"

namespace wb {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStep = "step-";
constexpr const char* kTemporary = ".tmp-";
constexpr const char* kReplaced = ".old-";
constexpr const char* kLatest = "latest";

[[noreturn]] void refuse(const fs::path& path, int error) {
  throw Error(fmt::format("checkpoint: cannot write in '{}': {}{}", path.string(), std::strerror(error),
                          advice_for(error)));
}

// The step in a checkpoint's name, or -1.
int step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kStep) || name.size() > 18) return -1;
  const std::string digits = name.substr(std::strlen(kStep));
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  return static_cast<int>(std::min(std::stoll(digits), 2147483647LL));
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  return entries;
}

void remove_quietly(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

void rename_or_refuse(const fs::path& from, const fs::path& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) refuse(to, errno);
}

// Puts `fresh` in the place of `target`, in one step where the file system can exchange two names.
void replace_folder(const fs::path& fresh, const fs::path& target, const fs::path& run) {
  if (renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) return;
  if (!fs::exists(target)) return rename_or_refuse(fresh, target);
  if (renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) != 0) {
    const fs::path aside = run / (kReplaced + target.filename().string());
    remove_quietly(aside);
    rename_or_refuse(target, aside);
    rename_or_refuse(fresh, target);
    remove_quietly(aside);
  } else {
    remove_quietly(fresh);  // what was the old one
  }
}

// A file system without symbolic links is no reason to stop: then the highest step counts as the latest.
void point_latest_at(const fs::path& run, const fs::path& checkpoint) {
  const fs::path link = run / fmt::format("{}latest-{}", kTemporary, getpid());
  unlink(link.c_str());
  if (symlink(checkpoint.filename().c_str(), link.c_str()) != 0) {
    if (errno == EPERM || errno == ENOSYS || errno == ENOTSUP) return;
    refuse(run, errno);
  }
  rename_or_refuse(link, run / kLatest);
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path run, int keep) : run_(std::move(run)), keep_(keep) {
  WB_REQUIRE(keep >= 1, keep);
  std::error_code error;
  fs::create_directories(run_, error);
  if (error) refuse(run_, error.value());
  if (!fs::is_directory(run_)) refuse(run_, ENOTDIR);
  if (access(run_.c_str(), W_OK | X_OK) != 0) refuse(run_, errno);
  lock_ = open(run_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) refuse(run_, errno);
  // The lock ends with the process, however that ends. Where there are no locks, go without.
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(lock_);
    throw Error(fmt::format(
        "checkpoint: another run writes to '{}' at this moment; wait for it, or choose another folder",
        run_.string()));
  }
  for (const fs::path& entry : entries_of(run_)) {
    const std::string name = entry.filename().string();
    if (name.starts_with(kTemporary)) remove_quietly(entry);
    if (!name.starts_with(kReplaced)) continue;
    const fs::path original = run_ / name.substr(std::strlen(kReplaced));
    if (!fs::exists(original)) fs::rename(entry, original, error);  // interrupted between two renames
    remove_quietly(entry);
  }
}

CheckpointStore::~CheckpointStore() {
  close(lock_);
}

fs::path CheckpointStore::commit(int step, const std::function<Manifest(const fs::path&)>& write) {
  WB_REQUIRE(step >= 0, step);
  const fs::path target = run_ / fmt::format("{}{:08}", kStep, step);
  const fs::path temporary = run_ / fmt::format("{}{}-{}", kTemporary, target.filename().string(), getpid());
  remove_quietly(temporary);
  if (mkdir(temporary.c_str(), 0777) != 0) refuse(run_, errno);
  try {
    write_manifest(temporary, write(temporary));
    sync_folder(temporary.string());
    replace_folder(temporary, target, run_);
    sync_folder(run_.string());
    point_latest_at(run_, target);
    sync_folder(run_.string());
  } catch (const Error& error) {
    remove_quietly(temporary);
    const std::string what = error.what();
    throw Error(what.starts_with("checkpoint: ") ? what : "checkpoint: " + what);
  } catch (...) {
    remove_quietly(temporary);
    throw;
  }
  prune(step);
  return target;
}

// A checkpoint that goes first gets a temporary name: a half removed one must not be taken for one.
void CheckpointStore::prune(int step) const {
  std::vector<fs::path> older;
  for (const fs::path& entry : entries_of(run_)) {
    const int other = step_of(entry);
    if (other >= 0 && other < step && !fs::is_symlink(entry)) older.push_back(entry);
  }
  std::sort(older.begin(), older.end(),
            [](const fs::path& a, const fs::path& b) { return step_of(a) > step_of(b); });
  for (std::size_t i = static_cast<std::size_t>(keep_) - 1; i < older.size(); ++i) {
    const fs::path doomed = run_ / (kTemporary + older[i].filename().string() + "-removed");
    if (std::rename(older[i].c_str(), doomed.c_str()) == 0) remove_quietly(doomed);
  }
}

bool has_checkpoint(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path / "config.json", error) || fs::exists(path / kLatest / "config.json", error)) {
    return true;
  }
  const auto entries = entries_of(path);
  return std::any_of(entries.begin(), entries.end(),
                     [](const fs::path& entry) { return step_of(entry) >= 0; });
}

fs::path find_checkpoint(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) throw Error(fmt::format("checkpoint: '{}' is not there", path.string()));
  if (!fs::is_directory(path, error)) {
    throw Error(fmt::format("checkpoint: '{}' is a file; a checkpoint is a folder", path.string()));
  }
  if (fs::exists(path / "config.json", error)) return path;
  if (fs::exists(path / kLatest / "config.json", error)) {
    const fs::path target = fs::read_symlink(path / kLatest, error);
    return error ? path / kLatest : path / target;
  }
  fs::path newest;
  for (const fs::path& entry : entries_of(path)) {
    if (step_of(entry) >= 0 && (newest.empty() || step_of(entry) > step_of(newest))) newest = entry;
  }
  if (!newest.empty()) return newest;
  throw Error(
      fmt::format("checkpoint: '{}' holds neither a config.json nor a {}... folder", path.string(), kStep));
}

}  // namespace wb
