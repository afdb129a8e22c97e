// Static shared arrays: variables of the worker's thread (simt/qualifiers.h), whose names and sizes the
// symbol table of the program has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace simt::instrumented {

struct SharedArray {
  std::uintptr_t offset = 0;  // from the start of the thread's variables
  std::size_t bytes = 0;
  std::string name;       // as in the source
  bool is_guard = false;  // no array: the compiler's note that one was initialised
};

/// Where the calling thread's variables start, and how many bytes they take.
std::uintptr_t thread_variables();
std::size_t thread_variable_bytes();

/// The array at that offset, or the last one before it; null where none is, or the program has no symbols.
const SharedArray* shared_array_at(std::uintptr_t offset);
bool has_symbols();

}  // namespace simt::instrumented
