// Facts from the symbol table of the program: the names of kernels, and static shared arrays, which are
// variables of the worker's thread (simt/qualifiers.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace simt::instrumented {

struct SharedArray {
  std::uintptr_t offset = 0;  // from the start of the thread's variables
  std::size_t bytes = 0;
  std::string name;       // as in the source
  bool is_guard = false;  // not an array: the compiler's flag that one was initialized
};

/// Where the calling thread's variables start, and how many bytes they take.
std::uintptr_t thread_variables();
std::size_t thread_variable_bytes();

/// The array at that offset, or the last one before it; null where none is, or the program has no symbols.
const SharedArray* shared_array_at(std::uintptr_t offset);
bool has_symbols();

/// The function at that address without its namespace and parameters ("softmax<4>"); empty where none is
/// known.
std::string function_name(const void* address);

/// "byte 4 of the 32 bytes of the variable table", of what lies at that address of the program.
std::string variable_text(std::uintptr_t address);

}  // namespace simt::instrumented
