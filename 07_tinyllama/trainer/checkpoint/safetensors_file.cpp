#include "07_tinyllama/trainer/checkpoint/safetensors_file.h"

#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/checkpoint/safetensors_header.h"
#include "07_tinyllama/trainer/checkpoint/small_floats.h"
#include "common/core/error.h"

namespace wb {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the format's own limit

template <class Stored, class Convert>
std::vector<float> converted(std::span<const std::byte> bytes, Convert convert) {
  std::vector<float> values(bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = convert(stored);
  }
  return values;
}

}  // namespace

std::size_t bytes_of_dtype(const std::string& dtype) {
  static const std::map<std::string, std::size_t> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"I16", 2}, {"U16", 2}, {"F16", 2}, {"BF16", 2},
      {"I32", 4},  {"U32", 4}, {"F32", 4}, {"I64", 8}, {"U64", 8}, {"F64", 8},
  };
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

std::int64_t TensorView::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

SafetensorsFile::SafetensorsFile(const std::string& path) try : file_(path) {
  const std::span<const std::byte> all = file_.bytes();
  std::uint64_t header_size = 0;
  if (all.size() >= sizeof(header_size)) std::memcpy(&header_size, all.data(), sizeof(header_size));
  if (all.size() < sizeof(header_size) || header_size > kMaxHeader ||
      header_size > all.size() - sizeof(header_size)) {
    throw Error(fmt::format("'{}' is not a safetensors file, or is cut short", path));
  }
  const char* text = reinterpret_cast<const char*>(all.data()) + sizeof(header_size);
  const std::span<const std::byte> data = all.subspan(sizeof(header_size) + header_size);
  SafetensorsHeader header;
  try {
    header = parse_safetensors_header({text, static_cast<std::size_t>(header_size)});
    check_layout(header, data.size());
  } catch (const Error& error) {
    throw Error(fmt::format("the header of '{}': {}", path, error.what()));
  }
  metadata_ = std::move(header.metadata);
  for (auto& [name, entry] : header.tensors) {
    const auto bytes = data.subspan(static_cast<std::size_t>(entry.begin),
                                    static_cast<std::size_t>(entry.end - entry.begin));
    tensors_[name] = {std::move(entry.dtype), std::move(entry.shape), bytes};
  }
} catch (const Error& error) {
  throw Error(fmt::format("safetensors: {}", error.what()));
}

std::vector<float> floats_of(const TensorView& tensor) {
  if (tensor.dtype == "F32") return converted<float>(tensor.bytes, [](float value) { return value; });
  if (tensor.dtype == "F64") {
    return converted<double>(tensor.bytes, [](double value) { return static_cast<float>(value); });
  }
  if (tensor.dtype == "BF16") return converted<std::uint16_t>(tensor.bytes, float_of_bf16);
  if (tensor.dtype == "F16") return converted<std::uint16_t>(tensor.bytes, float_of_half);
  throw Error(fmt::format(
      "safetensors: a tensor of {} was read as floating point; F32, F64, F16 and BF16 can be", tensor.dtype));
}

FileFacts write_safetensors_file(const std::string& path, const std::vector<TensorSource>& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::uint64_t offset = 0;
  const auto size = [](const TensorSource& tensor) {
    const auto elements = static_cast<std::uint64_t>(TensorView{"", tensor.shape, {}}.elements());
    return elements * bytes_of_dtype(tensor.dtype);
  };
  for (const TensorSource& tensor : tensors) {
    header[tensor.name] = {
        {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + size(tensor)}}};
    offset += size(tensor);
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  const std::uint64_t header_size = text.size();

  DurableFile file(path);
  file.write(std::as_bytes(std::span(&header_size, 1)));
  file.write(text);
  for (const TensorSource& tensor : tensors) {
    std::uint64_t written = 0;
    tensor.bytes([&](std::span<const std::byte> part) {
      written += part.size();
      file.write(part);
    });
    if (written != size(tensor)) {
      throw Error(fmt::format("safetensors: tensor '{}' has {} bytes, but {} were given", tensor.name,
                              size(tensor), written));
    }
  }
  return file.finish();
}

}  // namespace wb
