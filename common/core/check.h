// Checks: one for CUDA calls, one for preconditions. What they throw is in error.h.
//
// WB_CUDA_CHECK(call)          evaluates `call` once and throws CudaError when it is not cudaSuccess.
// WB_CHECK_LAUNCH()            the same for the launch just before it.
// WB_REQUIRE(condition, value) a launcher's precondition; the message names the offending value.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// A value that a message shows: a number, an address or a text.
class ShownValue {
 public:
  enum class Kind { kSigned, kUnsigned, kReal, kAddress, kText };

  ShownValue(int value) : ShownValue(static_cast<long long>(value)) {}
  ShownValue(long value) : ShownValue(static_cast<long long>(value)) {}
  ShownValue(long long value) : kind(Kind::kSigned), integer(value) {}
  ShownValue(bool value) : ShownValue(static_cast<unsigned long long>(value)) {}
  ShownValue(unsigned value) : ShownValue(static_cast<unsigned long long>(value)) {}
  ShownValue(unsigned long value) : ShownValue(static_cast<unsigned long long>(value)) {}
  ShownValue(unsigned long long value) : kind(Kind::kUnsigned), natural(value) {}
  ShownValue(double value) : kind(Kind::kReal), real(value) {}
  ShownValue(const void* value) : kind(Kind::kAddress), address(value) {}
  ShownValue(const char* value) : kind(Kind::kText), text(value) {}

  Kind kind;
  union {
    long long integer;
    unsigned long long natural;
    double real;
    const void* address;
    const char* text;
  };
};

[[noreturn]] void throw_cuda_error(cudaError_t code, const char* call, const char* file, int line);
[[noreturn]] void throw_requirement(const char* function, const char* condition, const char* name,
                                    const ShownValue& value, const char* file, int line);

}  // namespace wb

#define WB_CUDA_CHECK(call)                                       \
  do {                                                            \
    const cudaError_t wb_code = (call);                           \
    if (wb_code != cudaSuccess) {                                 \
      ::wb::throw_cuda_error(wb_code, #call, __FILE__, __LINE__); \
    }                                                             \
  } while (0)

#define WB_CHECK_LAUNCH() WB_CUDA_CHECK(cudaGetLastError())

#define WB_REQUIRE(condition, value)                                                      \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      ::wb::throw_requirement(__func__, #condition, #value, (value), __FILE__, __LINE__); \
    }                                                                                     \
  } while (0)
