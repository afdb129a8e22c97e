// Linked into an inspected program of the user's own. At its end, or when a signal stops it, all findings are
// written as JSON into the file that SIMT_REPORT names. Besides the findings in kernels there are those of
// the host code: memory that is never freed, unchecked errors, launches without a wait.
#include <semaphore.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "inspector/program/host_findings.h"
#include "instrumented/line_table.h"
#include "runtime/scheduler.h"
#include "simt/inspection.h"

namespace simt::inspector {
namespace {

constexpr int kReportVersion = 1;
constexpr int kStops[] = {SIGINT, SIGTERM, SIGHUP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
constexpr int kPatience = 15;  // seconds that a signal's report may take

std::string& path() {
  static std::string& forever = *new std::string;
  return forever;
}
pid_t g_owner = 0;  // a child of a fork reports nothing
std::atomic<bool> g_reported = false;

void report(bool complete, int exit_code) {
  if (getpid() != g_owner || g_reported.exchange(true)) return;
  const instrumented::LineTable open;
  nlohmann::json findings = nlohmann::json::array();
  for (const std::string& document : take_findings()) findings.push_back(nlohmann::json::parse(document));
  HostFindings& host = host_findings();
  for (auto& finding : host.take(complete && exit_code == 0, findings.empty())) {
    findings.push_back(std::move(finding));
  }
  std::ofstream file(path());
  file << nlohmann::json{{"schema_version", kReportVersion},
                         {"complete", complete},
                         {"launches", host.launches()},
                         {"findings", findings}}
              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// A signal handler may do very little, so another thread writes the report.
sem_t g_asked, g_written;

void stopped(int number) {
  const int before = errno;
  std::signal(number, SIG_DFL);
  sem_post(&g_asked);
  timespec until = {};
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += kPatience;
  while (sem_timedwait(&g_written, &until) != 0 && errno == EINTR) {
  }
  errno = before;
  raise(number);
}

void report_when_asked() {
  while (sem_wait(&g_asked) != 0) {
  }
  report(false, 0);
  sem_post(&g_written);
}

void watch_signals() {
  sem_init(&g_asked, 0, 0);
  sem_init(&g_written, 0, 0);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // none of them is for that thread
  std::thread(report_when_asked).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // After a stack overflow the handler needs another stack.
  static char room[64 << 10];
  stack_t stack = {};
  stack.ss_sp = room;
  stack.ss_size = sizeof(room);
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_handler = stopped;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int number : kStops) {
    struct sigaction old = {};
    sigaction(number, nullptr, &old);
    if (old.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
}

// After the inspector is installed, before the initializers of the program. What is registered first is
// called last, after the destructors of the program's static objects.
[[gnu::constructor(102)]] void install() {
  const char* named = std::getenv("SIMT_REPORT");
  if (named == nullptr || !inspected()) return;
  path() = named;
  unsetenv("SIMT_REPORT");  // not for programs that this one starts
  g_owner = getpid();
  detail::program_watch = &host_findings();
  on_exit([](int code, void*) { report(true, code); }, nullptr);
  // Work without a wait is inspected nevertheless; the scheduler's own handler would discard it.
  detail::Scheduler::get();
  std::atexit([] {
    if (getpid() != g_owner) return;
    host_findings().at_exit();
    detail::Scheduler::get().wait_all(false);
  });
  std::at_quick_exit([] { report(true, 0); });
  watch_signals();
}

}  // namespace
}  // namespace simt::inspector
