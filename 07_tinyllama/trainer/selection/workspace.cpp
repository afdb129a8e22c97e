#include "07_tinyllama/trainer/selection/workspace.h"

#include <fmt/format.h>

#include <cstring>
#include <span>

#include "07_tinyllama/trainer/selection/check_kernels.h"

namespace wb {
namespace {

// On each side: as much as a block of 1024 threads can overrun with 16 bytes each.
constexpr std::size_t kCanaryBytes = 16384;
constexpr int kPoisonByte = 0xFF;

// Large numbers of both signs and NaNs in turn, so that reading them spoils a result. The last bits name the
// tensor: an implementation that copies one canary onto another is noticed.
std::vector<unsigned char> canary(std::size_t index) {
  const std::uint32_t id = static_cast<std::uint32_t>(index + 1) * 0x9e375u & 0xfffffu;
  const std::uint32_t pattern[] = {0x49700000u, 0x7fc00000u, 0xc9700000u, 0x7fc00000u};
  std::vector<unsigned char> bytes(kCanaryBytes);
  for (std::size_t at = 0; at < kCanaryBytes; at += sizeof(std::uint32_t)) {
    const std::uint32_t word = pattern[at / 4 % 4] | id;
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
  return bytes;
}

std::size_t content_bytes(const TensorSpec& tensor) {
  return static_cast<std::size_t>(tensor.elements) * size_of(tensor.element);
}

std::size_t rounded_up(std::size_t bytes) {
  return (bytes + 255) / 256 * 256;
}

void upload(unsigned char* to, std::span<const unsigned char> bytes) {
  WB_CUDA_CHECK(cudaMemcpy(to, bytes.data(), bytes.size(), cudaMemcpyHostToDevice));
}

bool is_intact(const unsigned char* at, std::size_t index) {
  const std::vector<unsigned char> expected = canary(index);
  std::vector<unsigned char> host(kCanaryBytes);
  WB_CUDA_CHECK(cudaMemcpy(host.data(), at, host.size(), cudaMemcpyDeviceToHost));
  return std::memcmp(host.data(), expected.data(), host.size()) == 0;
}

}  // namespace

std::size_t size_of(Element element) {
  return element == Element::kBf16 ? sizeof(bf16) : sizeof(float);
}

std::size_t Workspace::bytes_needed(const std::vector<TensorSpec>& tensors) {
  std::size_t bytes = 0;
  for (const TensorSpec& tensor : tensors) bytes += 2 * kCanaryBytes + rounded_up(content_bytes(tensor));
  return bytes;
}

Workspace::Workspace(std::vector<TensorSpec> tensors, std::uint64_t seed)
    : tensors_(std::move(tensors)), seed_(seed), fingerprints_(tensors_.size(), 0) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const std::size_t bytes = content_bytes(tensors_[i]);
    memory_.emplace_back(2 * kCanaryBytes + bytes);
    upload(memory_[i].data(), canary(i));
    upload(memory_[i].data() + kCanaryBytes + bytes, canary(i));
    const TensorSpec& tensor = tensors_[i];
    if (tensor.role != Role::kInput || tensor.elements == 0) continue;
    if (tensor.element == Element::kInt) {
      fill_below(at<int>(i), tensor.elements, seed_ + i, static_cast<int>(tensor.high));
    } else if (tensor.element == Element::kBf16) {
      fill_uniform(at<bf16>(i), tensor.elements, seed_ + i, tensor.low, tensor.high);
    } else {
      fill_uniform(at<float>(i), tensor.elements, seed_ + i, tensor.low, tensor.high);
    }
  }
  reset();
}

unsigned char* Workspace::contents(std::size_t index) {
  return memory_[index].data() + kCanaryBytes;
}

void Workspace::reset() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const TensorSpec& tensor = tensors_[i];
    if (tensor.role == Role::kInput || tensor.elements == 0) continue;
    if (tensor.role != Role::kInout) {
      WB_CUDA_CHECK(cudaMemsetAsync(contents(i), kPoisonByte, content_bytes(tensor), nullptr));
    } else if (tensor.element == Element::kBf16) {
      fill_uniform(at<bf16>(i), tensor.elements, seed_ + i, tensor.low, tensor.high);
    } else {
      fill_uniform(at<float>(i), tensor.elements, seed_ + i, tensor.low, tensor.high);
    }
  }
}

std::uint64_t Workspace::fingerprint_of(std::size_t index) {
  const std::int64_t n = tensors_[index].elements;
  switch (tensors_[index].element) {
    case Element::kFloat:
      return fingerprint(at<float>(index), n);
    case Element::kBf16:
      return fingerprint(at<bf16>(index), n);
    case Element::kInt:
      break;
  }
  return fingerprint(at<int>(index), n);
}

void Workspace::seal() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].role == Role::kInput) fingerprints_[i] = fingerprint_of(i);
  }
}

std::string Workspace::damage() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const std::size_t bytes = content_bytes(tensors_[i]);
    if (!is_intact(memory_[i].data() + kCanaryBytes + bytes, i)) {
      return fmt::format("it wrote past the end of {}", tensors_[i].name);
    }
    if (!is_intact(memory_[i].data(), i)) {
      return fmt::format("it wrote in front of {}", tensors_[i].name);
    }
    if (tensors_[i].role == Role::kInput && fingerprint_of(i) != fingerprints_[i]) {
      return fmt::format("it changed its input {}", tensors_[i].name);
    }
  }
  return {};
}

std::vector<DeviceBuffer<unsigned char>> Workspace::copy_outputs() {
  std::vector<DeviceBuffer<unsigned char>> copies(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const std::size_t bytes = content_bytes(tensors_[i]);
    if (!is_compared(tensors_[i]) || bytes == 0) continue;
    copies[i] = DeviceBuffer<unsigned char>(bytes);
    WB_CUDA_CHECK(cudaMemcpy(copies[i].data(), contents(i), bytes, cudaMemcpyDeviceToDevice));
  }
  return copies;
}

}  // namespace wb
