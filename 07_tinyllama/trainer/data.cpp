#include "07_tinyllama/trainer/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "07_tinyllama/trainer/step_kernels.h"

namespace wb {
namespace {

constexpr int kByteValues = 256;
constexpr std::size_t kSlots = 4;  // batches that may be on their way at once

void require_byte_vocabulary(const ModelConfig& config) {
  validate(config);
  if (config.v < kByteValues) {
    throw Error(fmt::format("data: bytes need a vocabulary of at least {}, but the model's is {}",
                            kByteValues, config.v));
  }
}

const char* unit(const Tokens& tokens) {
  return tokens.width() == TokenWidth::kByte ? "bytes" : "tokens";
}

void require_enough(const ModelConfig& config, const Tokens& tokens) {
  validate(config);
  if (tokens.size() > config.t) return;
  throw Error(
      fmt::format("data: {} has {} {}, but a sequence of {} tokens needs {}; use a longer file or a shorter "
                  "sequence",
                  tokens.name(), tokens.size(), unit(tokens), config.t, config.t + 1));
}

void require_vocabulary(const ModelConfig& config, const Tokens& tokens) {
  const int largest = tokens.largest();
  if (largest < config.v) return;
  throw Error(fmt::format(
      "data: vocabulary too small: the largest token of {} is {}, but the model's vocabulary is {}; "
      "it must be {} or more",
      tokens.name(), largest, config.v, largest + 1));
}

}  // namespace

// A ring of pinned host buffers. A slot is free again once the copy out of it is done.
struct Data::Staging {
  struct Slot {
    int* memory = nullptr;  // (2, B, T)
    cudaEvent_t copied = nullptr;
  };
  std::array<Slot, kSlots> slots;
  std::vector<int> row;  // (T + 1)
  std::size_t next = 0;

  Staging(int b, int t) : row(static_cast<std::size_t>(t) + 1) {
    for (Slot& slot : slots) {
      const std::size_t bytes = 2 * static_cast<std::size_t>(b) * static_cast<std::size_t>(t) * sizeof(int);
      WB_CUDA_CHECK(cudaMallocHost(&slot.memory, bytes));
      WB_CUDA_CHECK(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming));
    }
  }
  ~Staging() {
    for (Slot& slot : slots) {
      if (slot.copied != nullptr) {
        cudaEventSynchronize(slot.copied);
        cudaEventDestroy(slot.copied);
      }
      cudaFreeHost(slot.memory);
    }
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
};

Data::Data(const ModelConfig& config, std::uint64_t seed) : b_(config.b), t_(config.t), v_(config.v) {
  plan_.seed = seed;
}
Data::Data(Data&&) noexcept = default;
Data& Data::operator=(Data&&) noexcept = default;
Data::~Data() = default;

Data Data::random(const ModelConfig& config, std::uint64_t seed) {
  validate(config);
  Data data(config, seed);
  data.description_ = "random tokens";
  return data;
}

Data Data::planned(const ModelConfig& config, const Tokens& tokens, const RowPlan& plan,
                   std::int64_t resident_bytes) {
  require_vocabulary(config, tokens);
  Data data(config, plan.seed);
  data.plan_ = plan;
  data.source_ = tokens;
  data.description_ = fmt::format("{} {} of {}", tokens.size(), unit(tokens), tokens.name());
  const std::int64_t bytes = tokens.size() * tokens.bytes_per_token();
  if (bytes > resident_bytes) {
    data.staging_ = std::make_unique<Staging>(config.b, config.t);
    return data;
  }
  std::vector<unsigned char> host(static_cast<std::size_t>(bytes));
  tokens.copy(0, tokens.size(), static_cast<void*>(host.data()));
  data.resident_ = DeviceBuffer<unsigned char>(host);
  return data;
}

Data Data::rows(const ModelConfig& config, const Tokens& tokens, std::uint64_t seed,
                std::int64_t resident_bytes) {
  require_enough(config, tokens);
  return planned(config, tokens, {.length = tokens.size(), .seed = seed}, resident_bytes);
}

Data Data::windows(const ModelConfig& config, const Tokens& tokens, int most_batches,
                   std::int64_t resident_bytes) {
  WB_REQUIRE(most_batches >= 1, most_batches);
  require_enough(config, tokens);
  const std::int64_t disjoint = (tokens.size() - 1) / config.t;
  const std::int64_t batches = std::min<std::int64_t>(most_batches, (disjoint - 1) / config.b + 1);
  Data data = planned(config, tokens, {.length = tokens.size(), .rows = batches * config.b}, resident_bytes);
  data.batches_ = static_cast<int>(batches);
  return data;
}

Data Data::files(const ModelConfig& config, const std::vector<std::string>& paths, std::uint64_t seed) {
  require_byte_vocabulary(config);
  return rows(config, Tokens::open(paths, TokenWidth::kByte), seed);
}

Data Data::text(const ModelConfig& config, std::span<const unsigned char> bytes, std::uint64_t seed) {
  require_byte_vocabulary(config);
  const auto count = static_cast<std::int64_t>(bytes.size());
  return rows(config, Tokens::copy_of(bytes.data(), count, TokenWidth::kByte), seed);
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
  data.batches_ = 1;
  data.description_ = "one fixed batch";
  return data;
}

void Data::require_fits(const ModelConfig& config) const {
  if (b_ == config.b && t_ == config.t && v_ <= config.v) return;
  throw Error(
      fmt::format("data: made for {} x {} tokens of a vocabulary of {}, but the model takes {} x {} of {}",
                  b_, t_, v_, config.b, config.t, config.v));
}

void Data::load(int batch, int* tokens, int* targets, cudaStream_t stream) const {
  if (fixed_.size() != 0) {
    const std::size_t half = fixed_.size() / 2;
    WB_CUDA_CHECK(
        cudaMemcpyAsync(tokens, fixed_.data(), half * sizeof(int), cudaMemcpyDeviceToDevice, stream));
    WB_CUDA_CHECK(
        cudaMemcpyAsync(targets, fixed_.data() + half, half * sizeof(int), cudaMemcpyDeviceToDevice, stream));
  } else if (resident_.size() != 0) {
    const int width = source_.bytes_per_token();
    token_batch(resident_.data(), width, plan_, tokens, targets, b_, t_, batch, stream);
  } else if (staging_ != nullptr) {
    load_staged(batch, tokens, targets, stream);
  } else {
    random_batch(tokens, targets, b_, t_, v_, plan_.seed, batch, stream);
  }
}

void Data::load_staged(int batch, int* tokens, int* targets, cudaStream_t stream) const {
  Staging::Slot& slot = staging_->slots[staging_->next];
  staging_->next = (staging_->next + 1) % kSlots;
  WB_CUDA_CHECK(cudaEventSynchronize(slot.copied));  // of kSlots batches ago; nothing the first time round
  const auto size = static_cast<std::size_t>(b_) * static_cast<std::size_t>(t_);
  std::vector<int>& row = staging_->row;
  for (int r = 0; r < b_; ++r) {
    source_.copy(row_start(plan_, batch, r, b_, t_), t_ + 1, row.data());
    int* first = slot.memory + static_cast<std::size_t>(r) * static_cast<std::size_t>(t_);
    std::copy(row.begin(), row.end() - 1, first);
    std::copy(row.begin() + 1, row.end(), first + size);
  }
  const std::size_t bytes = size * sizeof(int);
  WB_CUDA_CHECK(cudaMemcpyAsync(tokens, slot.memory, bytes, cudaMemcpyHostToDevice, stream));
  WB_CUDA_CHECK(cudaMemcpyAsync(targets, slot.memory + size, bytes, cudaMemcpyHostToDevice, stream));
  WB_CUDA_CHECK(cudaEventRecord(slot.copied, stream));
}

}  // namespace wb
