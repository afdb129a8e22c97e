#include "07_tinyllama/trainer/data.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "07_tinyllama/trainer/step_kernels.h"

namespace wb {
namespace {

constexpr int kByteValues = 256;

void append_file(std::vector<unsigned char>& bytes, const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    throw Error(fmt::format("data: '{}' is a directory, not a file", path));
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(fmt::format("data: cannot read '{}': {}", path, std::strerror(errno)));
  const std::size_t before = bytes.size();
  bytes.insert(bytes.end(), std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  if (file.bad()) throw Error(fmt::format("data: reading '{}' failed", path));
  if (bytes.size() == before) throw Error(fmt::format("data: '{}' is empty", path));
}

void require_byte_vocabulary(const ModelConfig& config) {
  validate(config);
  if (config.v < kByteValues) {
    throw Error(fmt::format("data: bytes need a vocabulary of at least {}, but the model's is {}",
                            kByteValues, config.v));
  }
}

}  // namespace

Data Data::random(const ModelConfig& config, std::uint64_t seed) {
  validate(config);
  Data data(config, seed);
  data.description_ = "random tokens";
  return data;
}

Data Data::files(const ModelConfig& config, const std::vector<std::string>& paths, std::uint64_t seed) {
  require_byte_vocabulary(config);
  if (paths.empty()) throw Error("data: no file was given");
  std::vector<unsigned char> bytes;
  for (const std::string& path : paths) append_file(bytes, path);
  const std::string name = std::filesystem::path(paths.front()).filename().string();
  const std::string others = paths.size() == 1 ? "" : fmt::format(" and {} more", paths.size() - 1);
  if (bytes.size() < static_cast<std::size_t>(config.t) + 1) {
    throw Error(
        fmt::format("data: {}{} has {} bytes, but a sequence of {} tokens needs {}; use a longer file or a "
                    "shorter sequence",
                    name, others, bytes.size(), config.t, config.t + 1));
  }
  Data data = text(config, bytes, seed);
  data.description_ = fmt::format("{} bytes of {}{}", bytes.size(), name, others);
  return data;
}

Data Data::text(const ModelConfig& config, std::span<const unsigned char> bytes, std::uint64_t seed) {
  require_byte_vocabulary(config);
  if (bytes.size() < static_cast<std::size_t>(config.t) + 1) {
    throw Error(fmt::format("data: the text has {} bytes, but a sequence of {} tokens needs {}", bytes.size(),
                            config.t, config.t + 1));
  }
  Data data(config, seed);
  data.text_ = DeviceBuffer<unsigned char>(bytes);
  data.description_ = fmt::format("{} bytes of text", bytes.size());
  return data;
}

Data Data::fixed(const ModelConfig& config, std::span<const int> tokens, std::span<const int> targets) {
  validate(config);
  const auto size = static_cast<std::size_t>(config.tokens());
  if (tokens.size() != size || targets.size() != size) {
    throw Error(
        fmt::format("data: a fixed batch of {} x {} needs {} tokens and targets, but {} and {} were given",
                    config.b, config.t, size, tokens.size(), targets.size()));
  }
  std::vector<int> both(tokens.begin(), tokens.end());
  both.insert(both.end(), targets.begin(), targets.end());
  for (const int token : both) {
    if (token < 0 || token >= config.v) {
      throw Error(fmt::format("data: token {} lies outside the vocabulary [0, {})", token, config.v));
    }
  }
  Data data(config, 0);
  data.fixed_ = DeviceBuffer<int>(both);
  data.description_ = "one fixed batch";
  return data;
}

void Data::require_fits(const ModelConfig& config) const {
  if (b_ == config.b && t_ == config.t && v_ <= config.v) return;
  throw Error(
      fmt::format("data: made for {} x {} tokens of a vocabulary of {}, but the model takes {} x {} of {}",
                  b_, t_, v_, config.b, config.t, config.v));
}

void Data::load(int step, int* tokens, int* targets, cudaStream_t stream) const {
  if (fixed_.size() != 0) {
    const std::size_t half = fixed_.size() / 2;
    WB_CUDA_CHECK(
        cudaMemcpyAsync(tokens, fixed_.data(), half * sizeof(int), cudaMemcpyDeviceToDevice, stream));
    WB_CUDA_CHECK(
        cudaMemcpyAsync(targets, fixed_.data() + half, half * sizeof(int), cudaMemcpyDeviceToDevice, stream));
  } else if (text_.size() != 0) {
    text_batch(text_.data(), static_cast<std::int64_t>(text_.size()), tokens, targets, b_, t_, seed_, step,
               stream);
  } else {
    random_batch(tokens, targets, b_, t_, v_, seed_, step, stream);
  }
}

}  // namespace wb
