#include "common/core/check.h"

#include <fmt/format.h>

#include <sstream>
#include <string>
#include <string_view>

#include "common/core/error.h"

namespace wb {
namespace {

// Long build paths would hide the message, and the file's name is enough to find the file.
std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

void throw_cuda_error(cudaError_t code, const char* call, const char* file, int line) {
  throw CudaError(code, fmt::format("{}:{}: {} failed: {} ({})", base_name(file), line, call,
                                    cudaGetErrorName(code), cudaGetErrorString(code)));
}

void throw_requirement(const char* function, const char* condition, const char* name, const ShownValue& value,
                       const char* file, int line) {
  throw Error(fmt::format("{}: needs {}, but {} = {} ({}:{})", function, condition, name, to_text(value),
                          base_name(file), line));
}

std::string to_text(const ShownValue& value) {
  std::ostringstream out;
  switch (value.kind) {
    case ShownValue::Kind::kSigned:
      out << value.integer;
      break;
    case ShownValue::Kind::kUnsigned:
      out << value.natural;
      break;
    case ShownValue::Kind::kReal:
      out << value.real;
      break;
    case ShownValue::Kind::kAddress:
      out << value.address;
      break;
    case ShownValue::Kind::kText:
      out << value.text;
      break;
  }
  return out.str();
}

}  // namespace wb
