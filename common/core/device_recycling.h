// New contents at old addresses. They show whether an implementation keeps results of earlier calls by their
// pointers.
#pragma once

namespace wb {

/// While one exists, device memory that a DeviceBuffer frees is kept, and reused by the next DeviceBuffer of
/// the same number of bytes, the latest first. The rest is freed at the end. One at a time, on one thread.
class RecycledDeviceMemory {
 public:
  RecycledDeviceMemory();
  ~RecycledDeviceMemory();
  RecycledDeviceMemory(const RecycledDeviceMemory&) = delete;
  RecycledDeviceMemory& operator=(const RecycledDeviceMemory&) = delete;
};

}  // namespace wb
