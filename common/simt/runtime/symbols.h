// The names of this program's functions, from the symbol table of its file.
//
// A launch through a pointer, `kernel<<<...
#pragma once

#include <string>

namespace simt::detail {

/// Reads the table, once per process. Without it (a stripped program) no name is found.
void load_symbols();
/// The mangled name of the function at that address; null where there is none, or before load_symbols().
const std::string* symbol_at(const void* function);

}  // namespace simt::detail
