// The calls that instrumented kernels make: one for each load, store and atomic operation. A program is
// linked with one library that receives them, the inspector or the meter.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simt::instrumented {

/// How an access treats the memory. Two accesses conflict unless both read or both are atomic. An atomic
/// operation of block scope is atomic for its own block only.
enum Kind : std::uint32_t { kBlockAtomic = 0, kRead = 1, kWrite = 2, kAtomic = 3 };
/// What an atomic operation has done. A compare-and-swap that finds another value has only loaded.
enum Effect : std::uint32_t { kLoaded = 1, kStored = 2, kUpdated = 3 };

// Defined by that library. `pc` is the return address of the compiler's call. Code outside of kernels makes
// calls, too.

/// A value whose type is aligned to its size.
void access(const void* address, std::size_t bytes, Kind kind, const void* pc);
/// A value of another size or alignment; one instruction moves at most `largest` bytes of it.
void loose_access(const void* address, std::size_t bytes, std::size_t largest, Kind kind, const void* pc);
/// The load before an atomic update that is written as a loop.
void atomic_load(const void* address, std::size_t bytes, const void* pc);
/// An atomic store, which reads nothing.
void atomic_store(const void* address, std::size_t bytes, const void* pc);
/// A compare-and-swap follows, which checks the value that the same thread has read here before.
void compares(const void* address, std::size_t bytes);
/// An access by a function of the C library, which host code calls as well.
void library_access(const void* address, std::size_t bytes, Kind kind, const void* pc);
/// The atomic operation before which `access`, `atomic_load` or `atomic_store` was called has happened.
/// `order` is one of __ATOMIC_*.
void atomic_done(const void* address, Effect effect, int order, const void* pc);
void fence(int order);
/// The thread's next fences and atomic operations have block scope; or no longer (simt::detail::ForBlock).
void set_scope(bool is_for_block);

}  // namespace simt::instrumented
