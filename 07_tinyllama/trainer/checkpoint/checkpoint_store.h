// The folder of a run's checkpoints, in which a checkpoint is either whole or not there.
//
//   RUN/step-00000200/     one checkpoint
//   RUN/step-00000400/
//   RUN/latest             a symbolic link to the last one that was completed
//   RUN/.tmp-.../          being written; removed at the next start where it was left behind
//
// A checkpoint is written under a temporary name, every file and folder synced, then renamed, then `latest`
// is replaced by another rename. Whatever is interrupted, at any moment, leaves the one before.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "07_tinyllama/trainer/checkpoint/durable_file.h"

namespace wb {

/// The files of a checkpoint and what they must look like: manifest.json.
using Manifest = std::map<std::string, FileFacts>;

class CheckpointStore {
 public:
  /// Creates the folder if need be, takes it for this process and removes what an interrupted one left.
  /// `keep`: how many checkpoints stay, at least 1. Errors: a folder that cannot be written to, and one that
  /// another running process has taken, throws wb::Error.
  explicit CheckpointStore(std::filesystem::path run, int keep = 2);
  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;
  ~CheckpointStore();

  /// Calls write(folder), which writes files there and says what it wrote, and makes that the checkpoint of
  /// `step` and the latest. One of the same step is replaced. Older ones beyond `keep` are removed, later
  /// ones (of a run that was taken back) stay. Returns its folder. Errors: write's, and the file system's,
  /// throw wb::Error: then the checkpoints that were there are as they were.
  std::filesystem::path commit(int step,
                               const std::function<Manifest(const std::filesystem::path& folder)>& write);

  const std::filesystem::path& run() const { return run_; }

 private:
  void prune(int step) const;

  std::filesystem::path run_;
  int keep_;
  int lock_ = -1;
};

/// The checkpoint that `path` means: itself, or the latest of a run's folder. Errors: none there throws
/// wb::Error.
std::filesystem::path find_checkpoint(const std::filesystem::path& path);
/// Whether there is one.
bool has_checkpoint(const std::filesystem::path& path);

/// Compares every file with manifest.json: its size and its CRC-32. A folder without a manifest (one that
/// transformers saved) passes. Errors: a file that is missing, cut short or altered throws wb::Error.
void verify_manifest(const std::filesystem::path& checkpoint);

}  // namespace wb
