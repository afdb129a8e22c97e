// Device memory that detects misuse: canaries on both sides, poisoned outputs, inputs that must not change.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/harness/inspection.h"

namespace wb {
namespace detail {

/// Bytes of canary on each side: as many as a block of 1024 threads writes with 16 bytes per thread.
inline constexpr std::size_t kCanaryBytes = 16384;

/// The contents of output buffers at first. The word is a signaling NaN. Arithmetic on the host's cores turns
/// it into a quiet one, so that a result computed from it differs from an element that was not written.
inline constexpr int kPoisonByte = 0xFF;  // of elements that are no floats
inline constexpr std::uint32_t kPoisonWord = 0xffbfffff;

/// The first `size` bytes of canary number `id`: large numbers of both signs, and NaNs between them, so that
/// a kernel that only reads outside its input gets a wrong result. Every buffer has its own number: a kernel
/// that copies past the ends of its input and its output writes one canary over the other, and this must be
/// visible. A NaN keeps its bits through arithmetic.
std::vector<unsigned char> canary(std::size_t size, std::uint32_t id);
std::uint32_t next_canary_id();

/// A buffer that was read back. An input also has its original contents.
struct GuardedBytes {
  std::span<const unsigned char> before;    // the canary in front of the contents
  std::span<const unsigned char> behind;    // and the one after them
  std::span<const unsigned char> contents;  // empty unless an input
  std::span<const unsigned char> original;  // empty unless an input
  std::size_t elements;
  std::size_t element_size;
  bool is_float;
  std::uint32_t canary_id;
};
testing::AssertionResult check_guarded(const GuardedBytes& bytes, const char* name);

}  // namespace detail

/// An address inside the element, which a launcher must refuse.
template <class T>
T* misaligned(T* pointer) {
  return reinterpret_cast<T*>(reinterpret_cast<char*>(pointer) + sizeof(T) / 2);
}

/// Device memory for one argument of a kernel under test. Its address is 256-byte aligned, plus `misalign`
/// elements.
template <class T>
class GuardedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  /// An argument that the kernel only reads: check() fails if it has changed.
  static GuardedBuffer input(std::vector<T> host, std::size_t misalign = 0) {
    GuardedBuffer buffer = inout(host, misalign);
    buffer.original_ = std::move(host);
    return buffer;
  }

  /// An argument that the kernel overwrites: filled with NaN, so that a missed element cannot pass.
  static GuardedBuffer output(std::size_t n, std::size_t misalign = 0) {
    GuardedBuffer buffer(n, misalign);
    if (std::is_same_v<T, float> && !detail::inspected()) {  // the inspector knows 0xff for unwritten
      const std::vector<std::uint32_t> poison(n, detail::kPoisonWord);
      buffer.upload(buffer.front_bytes(),
                    {reinterpret_cast<const unsigned char*>(poison.data()), n * sizeof(T)});
    } else if (n != 0) {
      WB_CUDA_CHECK(cudaMemset(buffer.data(), detail::kPoisonByte, n * sizeof(T)));
    }
    detail::declare_unwritten(buffer.data(), n * sizeof(T));
    return buffer;
  }

  /// An argument that the kernel reads and writes, such as an accumulated gradient.
  static GuardedBuffer inout(const std::vector<T>& host, std::size_t misalign = 0) {
    GuardedBuffer buffer(host.size(), misalign);
    buffer.upload(buffer.front_bytes(),
                  {reinterpret_cast<const unsigned char*>(host.data()), host.size() * sizeof(T)});
    return buffer;
  }

  T* data() { return reinterpret_cast<T*>(memory_.data() + front_bytes()); }
  const T* data() const { return reinterpret_cast<const T*>(memory_.data() + front_bytes()); }
  std::size_t size() const { return size_; }

  /// The contents, without canaries. Waits for the device.
  std::vector<T> download() const {
    std::vector<T> host(size_);
    if (size_ != 0) WB_CUDA_CHECK(cudaMemcpy(host.data(), data(), size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return host;
  }

  /// Fails when a canary changed, or when an input did; names the buffer, the index and the values.
  testing::AssertionResult check(const char* name) const {
    const std::size_t bytes = size_ * sizeof(T), end = front_bytes() + bytes;
    const std::vector<unsigned char> before = bytes_at(0, front_bytes()),
                                     behind = bytes_at(end, memory_.size() - end);
    std::vector<unsigned char> contents;
    std::span<const unsigned char> original;
    if (original_) {
      contents = bytes_at(front_bytes(), bytes);
      original = {reinterpret_cast<const unsigned char*>(original_->data()), bytes};
    }
    return detail::check_guarded(
        {before, behind, contents, original, size_, sizeof(T), std::is_same_v<T, float>, canary_id_}, name);
  }

 private:
  GuardedBuffer(std::size_t n, std::size_t misalign)
      : memory_(2 * detail::kCanaryBytes + (n + misalign) * sizeof(T)), size_(n), misalign_(misalign) {
    upload(0, detail::canary(front_bytes(), canary_id_));
    upload(front_bytes() + n * sizeof(T), detail::canary(detail::kCanaryBytes, canary_id_));
    detail::declare_forbidden(memory_.data(), front_bytes());
    detail::declare_forbidden(memory_.data() + front_bytes() + n * sizeof(T), detail::kCanaryBytes);
  }

  std::size_t front_bytes() const { return detail::kCanaryBytes + misalign_ * sizeof(T); }

  void upload(std::size_t at, std::span<const unsigned char> bytes) {
    if (bytes.empty()) return;
    WB_CUDA_CHECK(cudaMemcpy(memory_.data() + at, bytes.data(), bytes.size(), cudaMemcpyHostToDevice));
  }

  std::vector<unsigned char> bytes_at(std::size_t at, std::size_t size) const {
    std::vector<unsigned char> host(size);
    if (size != 0) WB_CUDA_CHECK(cudaMemcpy(host.data(), memory_.data() + at, size, cudaMemcpyDeviceToHost));
    return host;
  }

  DeviceBuffer<unsigned char> memory_;
  std::size_t size_;
  std::size_t misalign_;
  std::uint32_t canary_id_ = detail::next_canary_id();
  std::optional<std::vector<T>> original_;
};

}  // namespace wb
