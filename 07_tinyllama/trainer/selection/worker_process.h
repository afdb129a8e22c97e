// A process of this program's own that may crash or hang in another one's place: messages are lines of text,
// both ways over one socket.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace wb {

/// The first argument of a program that shall work for its parent (worker.h).
inline constexpr const char* kWorkerArgument = "--work-for-parent-process";
/// The socket's number in the worker.
inline constexpr int kWorkerSocket = 3;

class WorkerProcess {
 public:
  /// Starts `program kWorkerArgument`. What it prints goes to this process's stderr. Errors: it cannot be
  /// started.
  explicit WorkerProcess(const std::filesystem::path& program);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  /// Ends it at once if it still runs.
  ~WorkerProcess();

  /// A process that has ended is told nothing: receive() notices.
  void send(std::string_view line);

  enum class Received { kLine, kEnded, kNothing };
  /// Waits for a line, at most that long.
  Received receive(std::string& line, std::chrono::milliseconds limit);

  /// Ends it if it still runs, and says how it ended by itself: "signal 11 (Segmentation fault)", "exit code
  /// 3".
  std::string finish();

 private:
  pid_t process_ = -1;
  int socket_ = -1;
  std::string pending_;
};

/// The program that runs now.
std::filesystem::path this_program();

/// The worker's end: reads one line into `line`, false at the end; writes one line. Messages hold no line
/// breaks.
bool worker_receive(std::string& line);
void worker_send(std::string_view line);

}  // namespace wb
