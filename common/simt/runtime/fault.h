// Faults in kernels (bad pointer, stack overflow, division by zero) become failures of
// the kernel, not of the program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simt/api_types.h"

namespace simt::detail {

/// What the signal handler found.
struct Fault {
  int signal = 0;  // 0: none
  int code = 0;
  std::uintptr_t address = 0;
  std::uintptr_t instruction = 0;
};

/// The instruction at which a signal interrupted its thread; 0 if it is not known.
std::uintptr_t interrupted_instruction(const void* context);

/// Handles faults of kernels on this thread from now on.
void catch_faults_on_this_thread();

/// The output of a program that is found by PATH; empty if it cannot be started.
std::string output_of(const char* program, const std::vector<std::string>& words);

/// "FILE:LINE" of an instruction, the innermost place outside simt's headers; empty if it cannot be found.
std::string source_line(std::uintptr_t instruction);

}  // namespace simt::detail
