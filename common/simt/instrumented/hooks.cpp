// The functions that the compiler calls before every load and store of an instrumented kernel
// (-fsanitize=thread), and in place of every atomic operation.
#include "instrumented/hooks.h"

#include <cstring>

using namespace simt::instrumented;

#define HOOK extern "C" [[gnu::used, gnu::visibility("default")]]
namespace {
// A GPU moves up to 16 bytes per lane, if they are aligned to their size.
constexpr std::size_t kLargest = 16, kUnaligned = 4;

template <class T>
int compare_and_swap(volatile T* p, T* expected, T value, int order, int if_not, const void* pc) {
  compares(const_cast<T*>(p), sizeof(T));
  access(const_cast<T*>(p), sizeof(T), kAtomic, pc);
  const bool done =
      __atomic_compare_exchange_n(p, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  atomic_done(const_cast<T*>(p), done ? kUpdated : kLoaded, done ? order : if_not, pc);
  return done;
}
}  // namespace

#define HERE __builtin_return_address(0)

// clang-format off
#define PLAIN(bytes)                                      \
  HOOK void __tsan_read##bytes(void* p) {                 \
    access(p, bytes, kRead, HERE);                          \
  }                                                       \
  HOOK void __tsan_write##bytes(void* p) {                \
    access(p, bytes, kWrite, HERE);                         \
  }                                                       \
  HOOK void __tsan_unaligned_read##bytes(void* p) {       \
    loose_access(p, bytes, kUnaligned, kRead, HERE);                          \
  }                                                       \
  HOOK void __tsan_unaligned_write##bytes(void* p) {      \
    loose_access(p, bytes, kUnaligned, kWrite, HERE);                         \
  }                                                       \
  HOOK void __tsan_volatile_read##bytes(void* p) {        \
    access(p, bytes, kRead, HERE);                          \
  }                                                       \
  HOOK void __tsan_volatile_write##bytes(void* p) {       \
    access(p, bytes, kWrite, HERE);                         \
  }                                                       \
  HOOK void __tsan_read_write##bytes(void* p) {           \
    access(p, bytes, kRead, HERE);                          \
    access(p, bytes, kWrite, HERE);                         \
  }                                                       \
  HOOK void __tsan_unaligned_read_write##bytes(void* p) { \
    loose_access(p, bytes, kUnaligned, kRead, HERE);                          \
    loose_access(p, bytes, kUnaligned, kWrite, HERE);                         \
  }
PLAIN(1)
PLAIN(2)
PLAIN(4) PLAIN(8) PLAIN(16)
#undef PLAIN
    // clang-format on

    HOOK void __tsan_read_range(void* p, std::size_t bytes) {
  loose_access(p, bytes, kLargest, kRead, HERE);
}
HOOK void __tsan_write_range(void* p, std::size_t bytes) {
  loose_access(p, bytes, kLargest, kWrite, HERE);
}
HOOK void __tsan_func_entry(void*) {}
HOOK void __tsan_func_exit() {}
HOOK void __tsan_vptr_update(void**, void*) {}
HOOK void __tsan_vptr_read(void**) {}
HOOK void __tsan_init() {}

// clang-format off
// Atomic operations are done here, in the order that the source asked for or a stronger one.
#define ATOMIC_RMW(bits, T, name)                                                                         \
  HOOK T __tsan_atomic##bits##_##name(volatile T* p, T value, int order) {                                \
    access(const_cast<T*>(p), sizeof(T), kAtomic, HERE);                                                  \
    const T old = __atomic_##name(p, value, __ATOMIC_SEQ_CST);                                            \
    atomic_done(const_cast<T*>(p), kUpdated, order, HERE);                                                \
    return old;                                                                                           \
  }
#define ATOMIC_COMPARE(bits, T, name)                                                                     \
  HOOK int __tsan_atomic##bits##_##name(volatile T* p, T* expected, T value, int order, int if_not) {     \
    return compare_and_swap(p, expected, value, order, if_not, HERE);                                     \
  }
#define ATOMIC(bits, T)                                                                                   \
  HOOK T __tsan_atomic##bits##_load(const volatile T* p, int order) {                                     \
    atomic_load(const_cast<T*>(p), sizeof(T), HERE);                                                      \
    const T value = __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                 \
    atomic_done(const_cast<T*>(p), kLoaded, order, HERE);                                                 \
    return value;                                                                                         \
  }                                                                                                       \
  HOOK void __tsan_atomic##bits##_store(volatile T* p, T value, int order) {                              \
    atomic_store(const_cast<T*>(p), sizeof(T), HERE);                                                     \
    __atomic_store_n(p, value, __ATOMIC_SEQ_CST);                                                         \
    atomic_done(const_cast<T*>(p), kStored, order, HERE);                                                 \
  }                                                                                                       \
  HOOK T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T expected, T value, int order,        \
                                                    int if_not) {                                         \
    compare_and_swap(p, &expected, value, order, if_not, HERE);                                           \
    return expected;                                                                                      \
  }                                                                                                       \
  ATOMIC_COMPARE(bits, T, compare_exchange_strong) ATOMIC_COMPARE(bits, T, compare_exchange_weak)         \
  HOOK T __tsan_atomic##bits##_exchange(volatile T* p, T value, int order) {                              \
    access(const_cast<T*>(p), sizeof(T), kAtomic, HERE);                                                  \
    const T old = __atomic_exchange_n(p, value, __ATOMIC_SEQ_CST);                                        \
    atomic_done(const_cast<T*>(p), kUpdated, order, HERE);                                                \
    return old;                                                                                           \
  }                                                                                                       \
  ATOMIC_RMW(bits, T, fetch_add)                                                                          \
  ATOMIC_RMW(bits, T, fetch_sub)                                                                          \
  ATOMIC_RMW(bits, T, fetch_and) ATOMIC_RMW(bits, T, fetch_or) ATOMIC_RMW(bits, T, fetch_xor)             \
      ATOMIC_RMW(bits, T, fetch_nand)
ATOMIC(8, unsigned char)
ATOMIC(16, unsigned short)
ATOMIC(32, unsigned) ATOMIC(64, unsigned long)
#undef ATOMIC
#undef ATOMIC_COMPARE
#undef ATOMIC_RMW
    // clang-format on

    HOOK void __tsan_atomic_thread_fence(int order) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  fence(order);
}
// simt::detail::ForBlock.
HOOK void __tsan_atomic_signal_fence(int order) {
  if (order == __ATOMIC_ACQUIRE || order == __ATOMIC_RELEASE) set_scope(order == __ATOMIC_ACQUIRE);
}

// Large copies call the C library: the linker sends them here (--wrap).
extern "C" {
void* __real_memcpy(void* to, const void* from, std::size_t bytes);
void* __real_memmove(void* to, const void* from, std::size_t bytes);
void* __real_memset(void* to, int byte, std::size_t bytes);

void* __wrap_memcpy(void* to, const void* from, std::size_t bytes) {
  library_access(from, bytes, kRead, HERE);
  library_access(to, bytes, kWrite, HERE);
  return __real_memcpy(to, from, bytes);
}
void* __wrap_memmove(void* to, const void* from, std::size_t bytes) {
  library_access(from, bytes, kRead, HERE);
  library_access(to, bytes, kWrite, HERE);
  return __real_memmove(to, from, bytes);
}
void* __wrap_memset(void* to, int byte, std::size_t bytes) {
  library_access(to, bytes, kWrite, HERE);
  return __real_memset(to, byte, bytes);
}
}
