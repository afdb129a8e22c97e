#include "runtime/sample.h"

#include <fmt/format.h>
#include <semaphore.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <mutex>

#include "runtime/fault.h"
#include "simt/context.h"

namespace simt::detail {
namespace {

// What the handler records. The thread that asked reads it after the semaphore.
struct Sample {
  bool in_kernel = false;
  std::uintptr_t instruction = 0;
  uint3 block = {}, thread = {};
};
Sample g_sample;
sem_t g_taken;

void take(int, siginfo_t*, void* interrupted) {
  const int before = errno;
  g_sample = {context.runner != nullptr, interrupted_instruction(interrupted), context.block, context.thread};
  sem_post(&g_taken);
  errno = before;
}

bool ask(pthread_t worker, int signal) {
  if (pthread_kill(worker, signal) != 0) return false;
  timespec until = {};
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1;
  int code = 0;
  while ((code = sem_timedwait(&g_taken, &until)) != 0 && errno == EINTR) {
  }
  return code == 0;
}

bool is_of_kernel_file(const std::string& line) {
  const std::string file = line.substr(0, line.find(':'));
  return file.ends_with(".cu") || file.ends_with(".cuh");
}

}  // namespace

// An instruction of a library, or of the device's own functions, has no line of the kernel: ask again.
std::string where_kernels_are(const std::vector<pthread_t>& workers) {
  constexpr int kTries = 8;
  static std::mutex one_asks;
  const std::lock_guard lock(one_asks);
  const int signal = SIGRTMIN + 7;
  struct sigaction action = {}, before = {};
  action.sa_sigaction = take;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (sem_init(&g_taken, 0, 0) != 0 || sigaction(signal, &action, &before) != 0) return "";
  std::string where;
  bool has_line = false;
  for (int i = 0; i < kTries && !has_line; ++i) {
    for (const pthread_t worker : workers) {
      if (!ask(worker, signal)) return where;  // the handler stays: the signal may still come
      const Sample sample = g_sample;
      if (!sample.in_kernel) continue;
      const std::string line = source_line(sample.instruction);
      has_line = is_of_kernel_file(line);
      if (!has_line && !where.empty()) continue;
      where = fmt::format("block ({},{},{}), thread ({},{},{}){}{}", sample.block.x, sample.block.y,
                          sample.block.z, sample.thread.x, sample.thread.y, sample.thread.z,
                          has_line ? " is at " : "", has_line ? line : "");
      if (has_line) break;
    }
  }
  sigaction(signal, &before, nullptr);
  return where;
}

}  // namespace simt::detail
