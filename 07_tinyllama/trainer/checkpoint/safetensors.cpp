#include "07_tinyllama/trainer/checkpoint/safetensors.h"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "07_tinyllama/trainer/checkpoint/safetensors_file.h"
#include "common/core/error.h"

namespace wb {
namespace {

template <class Stored, class Wanted>
std::vector<Wanted> convert(const std::vector<std::byte>& bytes) {
  std::vector<Stored> stored(bytes.size() / sizeof(Stored));
  if (!stored.empty()) std::memcpy(stored.data(), bytes.data(), stored.size() * sizeof(Stored));
  return std::vector<Wanted>(stored.begin(), stored.end());
}

}  // namespace

std::vector<double> StoredTensor::as_double() const {
  if (dtype == "F64") return convert<double, double>(bytes);
  const std::vector<float> values = as_float();
  return {values.begin(), values.end()};
}
std::vector<float> StoredTensor::as_float() const {
  return floats_of({dtype, shape, bytes});
}
std::vector<int> StoredTensor::as_int() const {
  if (dtype == "I32") return convert<std::int32_t, int>(bytes);
  if (dtype == "I64") return convert<std::int64_t, int>(bytes);
  throw Error(fmt::format("safetensors: a tensor of {} was read as integers; I32 and I64 can be", dtype));
}

Safetensors read_safetensors(const std::string& path) {
  const SafetensorsFile file(path);
  Safetensors tensors;
  for (const auto& [name, view] : file.tensors()) {
    tensors[name] = {view.dtype, view.shape, {view.bytes.begin(), view.bytes.end()}};
  }
  return tensors;
}

void write_safetensors(const std::string& path, const Safetensors& tensors) {
  std::vector<TensorSource> sources;
  for (const auto& [name, tensor] : tensors) {
    sources.push_back(
        {name, tensor.dtype, tensor.shape, [&tensor = tensor](const auto& write) { write(tensor.bytes); }});
  }
  const std::string partial = path + ".partial";
  write_safetensors_file(partial, sources);
  std::error_code error;
  std::filesystem::rename(partial, path, error);
  if (error) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    throw Error(fmt::format("safetensors: cannot write '{}': {}", path, error.message()));
  }
}

StoredTensor make_f32(std::vector<std::int64_t> shape, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  return {"F32", std::move(shape), {bytes.begin(), bytes.end()}};
}

}  // namespace wb
