#include "07_tinyllama/trainer/selection/worker_process.h"

#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/core/error.h"

extern char** environ;

namespace wb {
namespace {

// Neither end may be killed by writing to the other one that is gone.
bool send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool take_line(std::string& pending, std::string& line) {
  const std::size_t end = pending.find('\n');
  if (end == std::string::npos) return false;
  line = pending.substr(0, end);
  pending.erase(0, end + 1);
  return true;
}

// False at the end of the stream.
bool read_more(int socket, std::string& pending) {
  std::array<char, 4096> buffer;
  ssize_t size = 0;
  do {
    size = ::recv(socket, buffer.data(), buffer.size(), 0);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) return false;
  pending.append(buffer.data(), static_cast<std::size_t>(size));
  return true;
}

}  // namespace

std::filesystem::path this_program() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

WorkerProcess::WorkerProcess(const std::filesystem::path& program) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw Error(fmt::format("cannot make a socket for the measuring process: {}", std::strerror(errno)));
  }
  socket_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], kWorkerSocket);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  std::string name = program.string(), argument = kWorkerArgument;
  char* arguments[] = {name.data(), argument.data(), nullptr};
  const int code = posix_spawn(&process_, name.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (code != 0) {
    close(socket_);
    throw Error(fmt::format("cannot start the measuring process {}: {}", name, std::strerror(code)));
  }
}

WorkerProcess::~WorkerProcess() {
  static_cast<void>(finish());
  close(socket_);
}

void WorkerProcess::send(std::string_view line) {
  send_all(socket_, std::string(line) + "\n");
}

WorkerProcess::Received WorkerProcess::receive(std::string& line, std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + limit;
  while (!take_line(pending_, line)) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return Received::kNothing;
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return Received::kEnded;
    if (ready > 0 && !read_more(socket_, pending_)) return Received::kEnded;
  }
  return Received::kLine;
}

std::string WorkerProcess::finish() {
  if (process_ < 0) return {};
  // A process that has closed its socket is about to end by itself, and how it does is the news.
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < 50 && ended == 0; ++i) {
    ended = waitpid(process_, &status, WNOHANG);
    if (ended != 0) break;
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    const bool closed = poll(&waiting, 1, 0) > 0 && !read_more(socket_, pending_);
    if (!closed) break;
    poll(nullptr, 0, 20);
  }
  if (ended == 0) {
    kill(process_, SIGKILL);
    waitpid(process_, &status, 0);
  }
  process_ = -1;
  if (WIFSIGNALED(status))
    return fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

bool worker_receive(std::string& line) {
  static std::string pending;
  while (!take_line(pending, line)) {
    if (!read_more(kWorkerSocket, pending)) return false;
  }
  return true;
}

void worker_send(std::string_view line) {
  if (!send_all(kWorkerSocket, std::string(line) + "\n")) _exit(1);  // nobody is left to work for
}

}  // namespace wb
