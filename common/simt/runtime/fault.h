// Faults in kernels (bad pointer, stack overflow, division by zero) become failures of
// the kernel, not of the program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simt/api_types.h"

namespace simt::detail {

/// What the signal handler saw.
struct Fault {
  int signal = 0;  // 0: none
  int code = 0;
  std::uintptr_t address = 0;
  std::uintptr_t instruction = 0;
};

/// The instruction at which a signal's handler interrupted its thread; 0 where that is not known.
std::uintptr_t interrupted_instruction(const void* context);

/// Handles faults of kernels on this thread from now on.
void catch_faults_on_this_thread();

/// What a program, found by PATH, prints; empty where it cannot be started.
std::string output_of(const char* program, const std::vector<std::string>& words);

/// "FILE:LINE" of an instruction, innermost place outside simt's headers; empty when it cannot be found out.
std::string source_line(std::uintptr_t instruction);

}  // namespace simt::detail
