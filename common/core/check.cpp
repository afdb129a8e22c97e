#include "common/core/check.h"

#include <fmt/format.h>

#include <string_view>

namespace wb {
namespace {

// Long build paths hide the message: the file's name is enough to find it.
std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

void throw_cuda_error(cudaError_t code, const char* call, const char* file, int line) {
  throw CudaError(code, fmt::format("{}:{}: {} failed: {} ({})", base_name(file), line, call,
                                    cudaGetErrorName(code), cudaGetErrorString(code)));
}

void throw_requirement(const char* function, const char* condition, const char* name,
                       const std::string& value, const char* file, int line) {
  throw Error(fmt::format("{}: needs {}, but {} = {} ({}:{})", function, condition, name, value,
                          base_name(file), line));
}

}  // namespace wb
