#include "instrumented/line_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

namespace simt::instrumented {
namespace {

// So many questions, and then kEnd, always fit into the socket: a write never waits for a read.
constexpr std::size_t kAtOnce = 100;
constexpr const char* kEnd = "0xffffffffffffffff\n";  // no address of a program

std::mutex g_mutex;
int g_users = 0;
pid_t g_reader = 0, g_owner = 0;  // a child of a fork does not share its parent's reader
int g_socket = -1;

void end_reader() {
  if (g_socket >= 0) close(g_socket);  // the reader sees the end of its input
  if (g_reader > 0 && g_owner == getpid()) {
    while (waitpid(g_reader, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  g_reader = 0;
  g_socket = -1;
}

// No shell, because a path may contain any character. A socket, because a write to a pipe whose reader has
// ended ends the program.
bool start_reader() {
  if (g_owner != getpid()) end_reader();
  if (g_socket >= 0) return true;
  char program[4096] = {};
  int ends[2];
  if (readlink("/proc/self/exe", program, sizeof(program) - 1) <= 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return false;
  char name[] = "addr2line", addresses[] = "-a", inlined[] = "-i", of[] = "-e";
  char* words[] = {name, addresses, inlined, of, program, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  g_owner = getpid();
  const bool started = posix_spawnp(&g_reader, name, &actions, nullptr, words, environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  g_socket = ends[0];
  if (!started) g_reader = 0;
  return started;
}

bool send_all(const std::string& text) {
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t some = send(g_socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (some < 0 && errno != EINTR) return false;
    if (some > 0) sent += static_cast<std::size_t>(some);
  }
  return true;
}

// Up to the answer to kEnd, which is one line. False where the reader has ended.
bool receive(std::string& text) {
  const std::size_t start = text.size();
  for (;;) {
    const std::size_t end = text.find(kEnd, start);
    if (end != std::string::npos &&
        text.find('\n', end + std::char_traits<char>::length(kEnd)) != text.npos) {
      text.resize(end);
      return true;
    }
    char buffer[4096];
    const ssize_t some = recv(g_socket, buffer, sizeof(buffer), 0);
    if (some == 0 || (some < 0 && errno != EINTR)) return false;
    if (some > 0) text.append(buffer, static_cast<std::size_t>(some));
  }
}

}  // namespace

LineTable::LineTable() {
  const std::lock_guard lock(g_mutex);
  ++g_users;
}

LineTable::~LineTable() {
  const std::lock_guard lock(g_mutex);
  if (--g_users == 0) end_reader();
}

std::string LineTable::lines_of(const std::vector<std::uint32_t>& places) {
  const std::lock_guard lock(g_mutex);
  std::string answers;
  for (std::size_t first = 0; first < places.size(); first += kAtOnce) {
    std::string questions;
    const std::size_t end = std::min(first + kAtOnce, places.size());
    for (std::size_t i = first; i < end; ++i) questions += fmt::format("{:#x}\n", places[i]);
    if (!start_reader() || !send_all(questions + kEnd) || !receive(answers)) {
      end_reader();
      break;
    }
  }
  return answers;
}

}  // namespace simt::instrumented
