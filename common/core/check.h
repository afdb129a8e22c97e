// Errors: one exception type, one check for CUDA calls, one for preconditions.
//
// WB_CUDA_CHECK(call)          evaluates `call` once and throws CudaError when it is not cudaSuccess.
// WB_CHECK_LAUNCH()            the same for the launch just before it.
// WB_REQUIRE(condition, value) a launcher's precondition; the message names the offending value.
#pragma once

#include <cuda_runtime.h>

#include <sstream>
#include <stdexcept>
#include <string>

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

[[noreturn]] void throw_cuda_error(cudaError_t code, const char* call, const char* file, int line);
[[noreturn]] void throw_requirement(const char* function, const char* condition, const char* name,
                                    const std::string& value, const char* file, int line);

template <class T>
std::string to_text(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace wb

#define WB_CUDA_CHECK(call)                                       \
  do {                                                            \
    const cudaError_t wb_code = (call);                           \
    if (wb_code != cudaSuccess) {                                 \
      ::wb::throw_cuda_error(wb_code, #call, __FILE__, __LINE__); \
    }                                                             \
  } while (0)

#define WB_CHECK_LAUNCH() WB_CUDA_CHECK(cudaGetLastError())

#define WB_REQUIRE(condition, value)                                                                   \
  do {                                                                                                 \
    if (!(condition)) {                                                                                \
      ::wb::throw_requirement(__func__, #condition, #value, ::wb::to_text(value), __FILE__, __LINE__); \
    }                                                                                                  \
  } while (0)
