// Why one access does not come before another, although an atomic operation told that it was done.
#pragma once

#include <cstdint>

namespace simt::inspector {

struct Missing {
  enum Why : std::uint8_t {
    kUnknown,
    kFence,              // none before the signal
    kLaterFence,         // the last one of the thread is before its access
    kFenceAfterBarrier,  // the last one of the thread that gives the signal does not come after the access
    kFenceAfterWait,     // between the operation that read the signal and the later access
    kAtomicWait,         // the signal was read by a plain or volatile load
    kDeviceFence,        // the fence before the signal is only for the block
    kDeviceSignal,       // the signal is only for the block
    kDeviceWait,         // what read it is only for the block
  };
  Why why = kUnknown;
  std::uint32_t signal = 0, wait = 0;  // places in the program
  bool is_update = false;              // what read the signal may count, and not wait
};

}  // namespace simt::inspector
