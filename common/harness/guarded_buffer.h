// Device memory that notices misuse: canaries on both sides, poisoned outputs, inputs that must not change.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/core/device_buffer.h"

namespace wb {
namespace detail {

/// Bytes of canary on each side: more than a block of 1024 threads can overrun with one float each.
inline constexpr std::size_t kCanaryBytes = 4096;

/// The byte that output buffers are filled with. Four of them are a NaN, recognised by its bits.
inline constexpr int kPoisonByte = 0xFF;

/// The canary that belongs at byte `position` of a buffer: NaNs and huge numbers in turn, so that a kernel
/// which only reads outside its input gets caught as well.
unsigned char canary_byte(std::size_t position);

/// A buffer read back with its canaries, ready to be judged.
struct GuardedBytes {
  std::span<const unsigned char> whole;  // canary, contents, canary
  std::size_t begin;                     // of the contents
  std::size_t size;                      // of the contents
  std::size_t element_size;
  std::span<const unsigned char> original;  // what an input held; empty otherwise
  bool is_input;
  bool is_float;
};
testing::AssertionResult check_guarded(const GuardedBytes& bytes, const char* name);

}  // namespace detail

/// Device memory for one argument of a kernel under test. Its address is 256-byte aligned, plus `misalign`
/// elements.
template <class T>
class GuardedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// An argument that the kernel only reads: check() fails when it came back changed.
  static GuardedBuffer input(std::vector<T> host, std::size_t misalign = 0) {
    GuardedBuffer buffer(host.size(), misalign);
    buffer.write(host);
    buffer.original_ = std::move(host);
    return buffer;
  }

  /// An argument that the kernel overwrites: filled with NaN, so that a missed element cannot pass.
  static GuardedBuffer output(std::size_t n, std::size_t misalign = 0) {
    GuardedBuffer buffer(n, misalign);
    buffer.fill_contents(detail::kPoisonByte);
    return buffer;
  }

  /// An argument that the kernel reads and writes, such as an accumulated gradient.
  static GuardedBuffer inout(std::vector<T> host, std::size_t misalign = 0) {
    GuardedBuffer buffer(host.size(), misalign);
    buffer.write(host);
    return buffer;
  }

  T* data() { return reinterpret_cast<T*>(memory_.data() + begin()); }
  const T* data() const { return reinterpret_cast<const T*>(memory_.data() + begin()); }
  std::size_t size() const { return size_; }

  /// The contents, without canaries. Waits for the device.
  std::vector<T> download() const {
    std::vector<T> host(size_);
    if (size_ != 0) {
      WB_CUDA_CHECK(cudaMemcpy(host.data(), data(), size_ * sizeof(T), cudaMemcpyDeviceToHost));
    }
    return host;
  }

  /// Fails when a canary changed, or when an input did; names the buffer, the index and the values.
  testing::AssertionResult check(const char* name) const {
    const std::vector<unsigned char> whole = memory_.download();
    std::span<const unsigned char> original;
    if (original_) original = {reinterpret_cast<const unsigned char*>(original_->data()), size_ * sizeof(T)};
    return detail::check_guarded({whole, begin(), size_ * sizeof(T), sizeof(T), original,
                                  original_.has_value(), std::is_same_v<T, float>},
                                 name);
  }

 private:
  GuardedBuffer(std::size_t n, std::size_t misalign)
      : memory_(2 * detail::kCanaryBytes + (n + misalign) * sizeof(T)), size_(n), misalign_(misalign) {
    std::vector<unsigned char> canaries(memory_.size());
    for (std::size_t i = 0; i < canaries.size(); ++i) canaries[i] = detail::canary_byte(i);
    memory_.upload(canaries);
  }

  std::size_t begin() const { return detail::kCanaryBytes + misalign_ * sizeof(T); }

  void write(const std::vector<T>& host) {
    if (host.empty()) return;
    WB_CUDA_CHECK(cudaMemcpy(data(), host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice));
  }

  void fill_contents(int byte) {
    if (size_ == 0) return;
    WB_CUDA_CHECK(cudaMemset(data(), byte, size_ * sizeof(T)));
    WB_CUDA_CHECK(cudaDeviceSynchronize());
  }

  DeviceBuffer<unsigned char> memory_;
  std::size_t size_;
  std::size_t misalign_;
  std::optional<std::vector<T>> original_;
};

}  // namespace wb
