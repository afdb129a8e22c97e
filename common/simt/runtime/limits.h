// The limits that the CPU device reports and enforces: those of a Hopper GPU, for which the kernels here are
// written.
#pragma once

#include <cstddef>

namespace simt::detail {

inline constexpr int kMaxThreadsPerBlock = 1024;
inline constexpr int kMaxBlockDim[3] = {1024, 1024, 64};
inline constexpr int kMaxGridDim[3] = {2147483647, 65535, 65535};
inline constexpr std::size_t kMaxSharedPerBlock = 48 * 1024;
inline constexpr std::size_t kMaxSharedPerBlockOptIn = 227 * 1024;
inline constexpr std::size_t kSharedPerMultiprocessor = 228 * 1024;
inline constexpr int kMaxThreadsPerMultiprocessor = 2048;
inline constexpr int kMaxBlocksPerMultiprocessor = 32;
inline constexpr std::size_t kReservedSharedPerBlock = 1024;  // the system keeps it
inline constexpr std::size_t kConstantMemory = 64 * 1024;
inline constexpr int kRegistersPerBlock = 65536;
inline constexpr int kClockRate = 1000000;  // kHz: clock64() counts nanoseconds

}  // namespace simt::detail
