#include "runtime/fault.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <vector>

#include "runtime/allocations.h"
#include "runtime/block_runner.h"
#include "runtime/failure.h"

namespace simt::detail {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction g_before[64];

// The handler and the code that leaves the kernel need a stack of their own: the kernel's may be broken.
constexpr std::size_t kStackBytes = 64 << 10;
thread_local char* t_way_out = nullptr;

[[noreturn]] void leave_block() {
  context.runner->abandon();
}

#if defined(__x86_64__)
std::uintptr_t instruction_of(const ucontext_t& c) {
  return static_cast<std::uintptr_t>(c.uc_mcontext.gregs[REG_RIP]);
}
void continue_at(ucontext_t& c, void (*function)(), char* stack_top) {
  c.uc_mcontext.gregs[REG_RIP] = reinterpret_cast<greg_t>(function);
  c.uc_mcontext.gregs[REG_RSP] = reinterpret_cast<greg_t>(stack_top) - 8;  // as a call would leave it
}
constexpr bool kCanContinue = true;
#elif defined(__aarch64__)
std::uintptr_t instruction_of(const ucontext_t& c) {
  return c.uc_mcontext.pc;
}
void continue_at(ucontext_t& c, void (*function)(), char* stack_top) {
  c.uc_mcontext.pc = reinterpret_cast<std::uintptr_t>(function);
  c.uc_mcontext.sp = reinterpret_cast<std::uintptr_t>(stack_top);
}
constexpr bool kCanContinue = true;
#else
std::uintptr_t instruction_of(const ucontext_t&) {
  return 0;
}
void continue_at(ucontext_t&, void (*)(), char*) {}
constexpr bool kCanContinue = false;
#endif

// Only record what happened, and continue outside the kernel, where it is safe to print a message.
void handle(int signal, siginfo_t* info, void* raw_context) {
  auto& interrupted = *static_cast<ucontext_t*>(raw_context);
  if (context.runner == nullptr || t_way_out == nullptr || !kCanContinue) {
    // Not in a kernel: restore the previous handler, by default the one that ends the program, and run the
    // same instruction again.
    sigaction(signal, &g_before[signal], nullptr);
    return;
  }
  context.runner->note_fault(
      {signal, info->si_code, reinterpret_cast<std::uintptr_t>(info->si_addr), instruction_of(interrupted)});
  continue_at(interrupted, leave_block, t_way_out + kStackBytes);
}

}  // namespace

std::uintptr_t interrupted_instruction(const void* context) {
  return instruction_of(*static_cast<const ucontext_t*>(context));
}

// No shell, because a path may contain any character.
std::string output_of(const char* program, const std::vector<std::string>& words) {
  std::vector<char*> arguments{const_cast<char*>(program)};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const bool started = posix_spawnp(&child, program, &actions, nullptr, arguments.data(), environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t got = 1; started && got != 0;) {
    got = read(ends[0], buffer, sizeof(buffer));
    if (got < 0 && errno != EINTR) break;
    if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  if (started) waitpid(child, nullptr, 0);
  return text;
}

void catch_faults_on_this_thread() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (const int signal : kSignals) sigaction(signal, &action, &g_before[signal]);
  });
  void* memory = mmap(nullptr, 2 * kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack = {};
  stack.ss_sp = memory;
  stack.ss_size = kStackBytes;
  sigaltstack(&stack, nullptr);
  t_way_out = static_cast<char*>(memory) + kStackBytes;
}

// The line table has the answer. binutils, which every C++ compiler here needs, can read it.
std::string source_line(std::uintptr_t instruction) {
  Dl_info object;
  if (dladdr(reinterpret_cast<void*>(instruction), &object) == 0) return "";
  char program[4096] = {};
  if (readlink("/proc/self/exe", program, sizeof(program) - 1) <= 0) return "";
  const std::string file =
      object.dli_fname != nullptr && object.dli_fname[0] == '/' ? object.dli_fname : program;
  const auto offset = instruction - reinterpret_cast<std::uintptr_t>(object.dli_fbase);
  const std::string lines = output_of("addr2line", {"-i", "-e", file, fmt::format("{:#x}", offset)});
  std::size_t start = 0;
  while (start < lines.size()) {
    const std::size_t end = std::min(lines.find('\n', start), lines.size());
    std::string line = lines.substr(start, end - start);
    start = end + 1;
    line = line.substr(0, line.find(" (discriminator"));
    if (line.find("simt/include") != std::string::npos || line.starts_with("??") || line.ends_with(":?"))
      continue;
    // The line numbers are the kernel file's, but the name may be that of the translated file.
    if (const std::size_t made = line.find(".cu.cpp:"); made != std::string::npos) line.erase(made + 3, 4);
    return base_name(line.c_str());
  }
  return "";
}

// The line of the message.
void BlockRunner::report_fault() {
  const Fault fault = fault_;
  fault_ = {};
  cudaError_t code = cudaErrorIllegalAddress;
  std::string what;
  const auto shared_end = reinterpret_cast<std::uintptr_t>(shared_end_);
  if (fault.signal == SIGFPE) {
    code = cudaErrorLaunchFailure;
    what = "integer division by zero (a GPU would go on with an arbitrary number)";
  } else if (fault.signal == SIGILL) {
    code = cudaErrorIllegalInstruction;
    what = "illegal instruction";
  } else if (pool_.is_guard(fault.address)) {
    code = cudaErrorLaunchFailure;
    what = fmt::format(
        "stack overflow: local variables and calls need more than {} KiB; set SIMT_STACK_KB higher",
        FiberPool::stack_bytes() / 1024);
  } else if (fault.address >= shared_end && fault.address < shared_end + FiberPool::guard_bytes()) {
    what = fmt::format("access {} bytes past the end of the {} bytes of dynamic shared memory",
                       fault.address - reinterpret_cast<std::uintptr_t>(context.shared) - grid_->shared_bytes,
                       grid_->shared_bytes);
  } else if (fault.signal == SIGSEGV && fault.code == SI_KERNEL && fault.address == 0) {
    code = cudaErrorMisalignedAddress;
    what = "misaligned access (a float4 needs an address that is a multiple of 16), or a wild pointer";
  } else if (fault.signal == SIGBUS && fault.code == BUS_ADRALN) {
    code = cudaErrorMisalignedAddress;
    what = "misaligned access";
  } else if (fault.address < 4096) {
    what = fault.address == 0 ? "null pointer" : fmt::format("null pointer, {} bytes on", fault.address);
  } else {
    const std::string place = describe_address(fault.address);
    what = fmt::format("illegal address {:#x}{}{}", fault.address, place.empty() ? "" : ", ", place);
  }
  const std::string line = source_line(fault.instruction);
  report_failure(code, fmt::format("{}: {}{}{}", where(), what, line.empty() ? "" : ", at ", line));
}

}  // namespace simt::detail
