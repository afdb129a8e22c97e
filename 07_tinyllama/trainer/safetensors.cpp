#include "07_tinyllama/trainer/safetensors.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "common/core/check.h"

namespace wb {
namespace {

constexpr std::size_t kMaxHeader = 100'000'000;  // the format's own limit

std::size_t size_of(const std::string& dtype) {
  static const std::map<std::string, std::size_t> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2},
      {"I32", 4},  {"U32", 4}, {"F32", 4}, {"I64", 8}, {"U64", 8}, {"F64", 8},
  };
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

// The product of a shape, or -1 where it is negative or too large to be true.
std::int64_t count_of(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || (size != 0 && count > std::numeric_limits<std::int64_t>::max() / 8 / size)) return -1;
    count *= size;
  }
  return count;
}

template <class Stored, class Wanted>
std::vector<Wanted> convert(const std::vector<std::byte>& bytes) {
  std::vector<Stored> stored(bytes.size() / sizeof(Stored));
  if (!stored.empty()) std::memcpy(stored.data(), bytes.data(), stored.size() * sizeof(Stored));
  return std::vector<Wanted>(stored.begin(), stored.end());
}

template <class Wanted>
std::vector<Wanted> floats_of(const StoredTensor& tensor) {
  if (tensor.dtype == "F32") return convert<float, Wanted>(tensor.bytes);
  if (tensor.dtype == "F64") return convert<double, Wanted>(tensor.bytes);
  throw Error(fmt::format("safetensors: a tensor of {} was read as floating point; F32 and F64 can be",
                          tensor.dtype));
}

StoredTensor read_tensor(const nlohmann::json& entry, std::span<const std::byte> data) {
  StoredTensor tensor;
  tensor.dtype = entry.at("dtype").get<std::string>();
  tensor.shape = entry.at("shape").get<std::vector<std::int64_t>>();
  const auto offsets = entry.at("data_offsets").get<std::vector<std::size_t>>();
  const std::size_t element = size_of(tensor.dtype);
  if (element == 0) throw Error("unknown dtype " + tensor.dtype);
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size()) {
    throw Error("data_offsets lie outside the file");
  }
  const std::int64_t count = count_of(tensor.shape);
  if (count < 0 || static_cast<std::size_t>(count) * element != offsets[1] - offsets[0]) {
    throw Error("shape and data_offsets disagree");
  }
  const auto part = data.subspan(offsets[0], offsets[1] - offsets[0]);
  tensor.bytes.assign(part.begin(), part.end());
  return tensor;
}

std::vector<std::byte> read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw Error(fmt::format("safetensors: cannot read '{}'", path));
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0)));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw Error(fmt::format("safetensors: reading '{}' failed", path));
  return bytes;
}

}  // namespace

std::vector<double> StoredTensor::as_double() const {
  return floats_of<double>(*this);
}
std::vector<float> StoredTensor::as_float() const {
  return floats_of<float>(*this);
}
std::vector<int> StoredTensor::as_int() const {
  if (dtype == "I32") return convert<std::int32_t, int>(bytes);
  if (dtype == "I64") return convert<std::int64_t, int>(bytes);
  throw Error(fmt::format("safetensors: a tensor of {} was read as integers; I32 and I64 can be", dtype));
}

Safetensors read_safetensors(const std::string& path) {
  const std::vector<std::byte> file = read_all(path);
  std::uint64_t header_size = 0;
  if (file.size() >= sizeof(header_size)) std::memcpy(&header_size, file.data(), sizeof(header_size));
  if (file.size() < sizeof(header_size) || header_size > kMaxHeader ||
      header_size > file.size() - sizeof(header_size)) {
    throw Error(fmt::format("safetensors: '{}' is not a safetensors file, or is cut short", path));
  }
  const std::span<const std::byte> data = std::span(file).subspan(sizeof(header_size) + header_size);
  const char* text = reinterpret_cast<const char*>(file.data()) + sizeof(header_size);
  const nlohmann::json header = nlohmann::json::parse(text, text + header_size, nullptr, false);
  if (!header.is_object())
    throw Error(fmt::format("safetensors: the header of '{}' is not a JSON object", path));

  Safetensors tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    try {
      tensors[name] = read_tensor(entry, data);
    } catch (const std::exception& error) {
      throw Error(fmt::format("safetensors: '{}', tensor '{}': {}", path, name, error.what()));
    }
  }
  return tensors;
}

void write_safetensors(const std::string& path, const Safetensors& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::int64_t count = count_of(tensor.shape);
    WB_REQUIRE(count >= 0 && static_cast<std::size_t>(count) * size_of(tensor.dtype) == tensor.bytes.size(),
               name);
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  const std::uint64_t header_size = text.size();

  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(&header_size), sizeof(header_size));
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const auto& entry : tensors) {
    file.write(reinterpret_cast<const char*>(entry.second.bytes.data()),
               static_cast<std::streamsize>(entry.second.bytes.size()));
  }
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  if (!file || error) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    throw Error(fmt::format("safetensors: cannot write '{}'", path));
  }
}

StoredTensor make_f32(std::vector<std::int64_t> shape, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  return {"F32", std::move(shape), {bytes.begin(), bytes.end()}};
}

}  // namespace wb
