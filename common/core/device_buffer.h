// Owned device memory. The only place in the workbook that calls cudaMalloc.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "common/core/error.h"

namespace wb {

/// Bytes of device memory owned by DeviceBuffers of this process.
struct MemoryUse {
  std::size_t current = 0;
  std::size_t peak = 0;
};

MemoryUse device_memory_use();
/// Sets the peak to the present use.
void reset_peak_device_memory();

namespace detail {
void* allocate_device(std::size_t bytes);
void free_device(void* pointer, std::size_t bytes) noexcept;
}  // namespace detail

/// `size()` elements of T on the device, freed with the buffer. Contents start undefined.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t size)
      : data_(static_cast<T*>(detail::allocate_device(size * sizeof(T)))), size_(size) {}
  explicit DeviceBuffer(std::span<const T> host) : DeviceBuffer(host.size()) { upload(host); }
  explicit DeviceBuffer(const std::vector<T>& host) : DeviceBuffer(std::span<const T>(host)) {}
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~DeviceBuffer() { detail::free_device(data_, size_ * sizeof(T)); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

  /// Copies host.size() elements, at most size(), to the start of the buffer; waits for the copy.
  void upload(std::span<const T> host) {
    WB_REQUIRE(host.size() <= size_, host.size());
    if (!host.empty()) {
      WB_CUDA_CHECK(cudaMemcpy(data_, host.data(), host.size_bytes(), cudaMemcpyHostToDevice));
    }
  }

  /// The whole buffer as a host vector; waits for all work before it on the default stream.
  std::vector<T> download() const { return download(size_); }

  /// The first n elements as a host vector; waits in the same way. n must be at most size().
  std::vector<T> download(std::size_t n) const {
    WB_REQUIRE(n <= size_, n);
    std::vector<T> host(n);
    if (n != 0) WB_CUDA_CHECK(cudaMemcpy(host.data(), data_, n * sizeof(T), cudaMemcpyDeviceToHost));
    return host;
  }

  /// Sets every byte, asynchronously on `stream`.
  void fill_bytes(int byte, cudaStream_t stream = nullptr) {
    WB_CUDA_CHECK(cudaMemsetAsync(data_, byte, bytes(), stream));
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace wb
