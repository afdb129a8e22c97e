// Turns a CUDA source file into C++ for the CPU device. Rewrites launches and shared-memory declarations in
// place, so that every line keeps its number. All other text is unchanged.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace simt::translator {

/// A construct that the CPU device cannot run or the translator cannot read.
class Error : public std::runtime_error {
 public:
  Error(int line, const std::string& message) : std::runtime_error(message), line_(line) {}
  int line() const { return line_; }

 private:
  int line_;
};

/// The translated text of the file; without the prelude that includes the device headers. Throws Error.
std::string rewrite(std::string_view source);

/// The whole output file: prelude, #line, translated text.
std::string translate(std::string_view source, const std::string& path);

}  // namespace simt::translator
