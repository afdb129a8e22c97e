// The exceptions of this project. They are not in check.h, so that a kernel file does not include the headers
// of the standard library: nvcc reads every file three times.
#pragma once

#include <stdexcept>
#include <string>

#include "common/core/check.h"

namespace wb {

/// Any error this project raises. what() says what happened and where, in one line.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A failed CUDA runtime call. Keeps the code so that a caller can tell errors apart.
class CudaError : public Error {
 public:
  CudaError(cudaError_t code, const std::string& message) : Error(message), code_(code) {}
  cudaError_t code() const { return code_; }

 private:
  cudaError_t code_;
};

/// `value` as a message shows it.
std::string to_text(const ShownValue& value);

}  // namespace wb
