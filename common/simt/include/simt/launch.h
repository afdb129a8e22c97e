// kernel<<<grid, block, shared, stream>>>(arguments), as the translator rewrites it:
//
//   ::simt::launcher(SIMT_KERNEL(kernel), grid, block, shared, stream)(arguments)
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "simt/api_types.h"
#include "simt/context.h"

namespace simt::detail {

/// The possible addresses among the arguments of a launch: pointers, and those in structures that are passed
/// by value.
struct Addresses {
  static constexpr std::size_t kMost = 24;
  std::uintptr_t value[kMost];
  unsigned parameter[kMost];  // its position
  std::size_t count = 0;

  template <class T>
  void note(unsigned position, const T& argument) {
    if constexpr (std::is_trivially_copyable_v<T> && sizeof(T) >= sizeof(std::uintptr_t)) {
      constexpr std::uintptr_t kLowest = std::uintptr_t{1} << 32;  // smaller ones are numbers
      constexpr std::size_t kWord = sizeof(std::uintptr_t);
      std::uintptr_t words[sizeof(T) / kWord];
      __builtin_memcpy(words, &argument, sizeof(words));
      for (const std::uintptr_t word : words) {
        if (word < kLowest || count == kMost) continue;
        value[count] = word;
        parameter[count++] = position;
      }
    }
  }
};

/// One kernel launch. A stream queues it, and workers take blocks of it.
class Grid {
 public:
  virtual ~Grid() = default;
  /// Runs threads of the current block one after the other on the calling fibre, until none is left to start.
  virtual void run_threads() const = 0;
  /// Of the whole object, which holds the kernel's arguments.
  virtual std::size_t object_bytes() const = 0;

  const char* name = nullptr;
  const void* function = nullptr;  // the kernel's address; null when overload resolution alone can tell it
  dim3 grid, block;
  std::size_t shared_bytes = 0;
  std::uint32_t number = 0;  // among all launches of this process, from 1
  Addresses addresses;
};

/// Validates the launch as CUDA does, takes ownership and enqueues it. Errors: cudaGetLastError returns them.
void submit(Grid* grid, cudaStream_t stream);

// Every thread gets its own copy of the arguments, since a kernel may change its parameters.
template <class Body>
class Kernel final : public Grid {
 public:
  explicit Kernel(Body body) : body_(std::move(body)) {}
  void run_threads() const override {
    Context& c = context;
    while (start_thread(c)) {
      body_();
      finish_thread(c);
    }
  }
  std::size_t object_bytes() const override { return sizeof(*this); }

 private:
  Body body_;
};

template <class Call, class... Arguments>
void launch(const char* name, const void* function, const Call& call, dim3 grid, dim3 block,
            std::size_t shared_bytes, cudaStream_t stream, Arguments... arguments) {
  Addresses addresses;
  [[maybe_unused]] unsigned position = 0;
  (addresses.note(position++, arguments), ...);
  auto body = [call, ... arguments = std::move(arguments)] { call(arguments...); };
  auto* kernel = new Kernel<decltype(body)>(std::move(body));
  kernel->addresses = addresses;
  kernel->name = name;
  kernel->function = function;
  kernel->grid = grid;
  kernel->block = block;
  kernel->shared_bytes = shared_bytes;
  submit(kernel, stream);
}

template <class Call>
struct Configuration {
  const char* name;
  const void* function;
  Call call;
  dim3 grid, block;
  std::size_t shared_bytes;
  cudaStream_t stream;
};

/// A launch whose kernel is one known function: arguments convert to its parameter types here, on the host.
template <class Call, class... Parameters>
struct TypedLauncher : Configuration<Call> {
  static_assert((... && !std::is_reference_v<Parameters>),
                "a kernel takes no references: they name host memory");

  void operator()(Parameters... arguments) const {
    launch<Call, Parameters...>(this->name, this->function, this->call, this->grid, this->block,
                                this->shared_bytes, this->stream, std::move(arguments)...);
  }
  /// The rest of the parameters have default arguments.
  template <class... Arguments>
  requires(sizeof...(Arguments) < sizeof...(Parameters)) void operator()(Arguments... arguments) const {
    launch<Call, Arguments...>(this->name, this->function, this->call, this->grid, this->block,
                               this->shared_bytes, this->stream, std::move(arguments)...);
  }
};

/// A launch whose template arguments follow from the call's arguments.
template <class Call>
struct DeducedLauncher : Configuration<Call> {
  template <class... Arguments>
  void operator()(Arguments... arguments) const {
    launch<Call, Arguments...>(this->name, this->function, this->call, this->grid, this->block,
                               this->shared_bytes, this->stream, std::move(arguments)...);
  }
};

struct Probe {};
template <class... Parameters>
struct Signature {
  void (*function)(Parameters...);
};
template <class... Parameters>
Signature<Parameters...> signature(Probe, void (*function)(Parameters...)) {
  return {function};
}

template <class Call, class... Parameters>
TypedLauncher<Call, Parameters...> make_launcher(const char* name, Signature<Parameters...> known, Call call,
                                                 dim3 grid, dim3 block, std::size_t shared,
                                                 cudaStream_t stream) {
  return {
      {name, reinterpret_cast<const void*>(known.function), std::move(call), grid, block, shared, stream}};
}
template <class Call>
DeducedLauncher<Call> make_launcher(const char* name, decltype(nullptr), Call call, dim3 grid, dim3 block,
                                    std::size_t shared, cudaStream_t stream) {
  return {{name, nullptr, std::move(call), grid, block, shared, stream}};
}

}  // namespace simt::detail

namespace simt {

template <class Identify, class Call>
auto launcher(const char* name, Identify identify, Call call, dim3 grid, dim3 block,
              std::size_t shared_bytes = 0, cudaStream_t stream = nullptr) {
  return detail::make_launcher(name, identify(detail::Probe{}), std::move(call), grid, block, shared_bytes,
                               stream);
}

}  // namespace simt

// A kernel's name, its address where it is one function (the probe makes that question a dependent one, so
// that "no" is an answer and not an error), and how to call it.
#define SIMT_KERNEL(...) \
#__VA_ARGS__,                                                                      \
      [=]([[maybe_unused]] auto simt_probe) {                                        \
        if constexpr (requires { ::simt::detail::signature(simt_probe, __VA_ARGS__); }) { \
          return ::simt::detail::signature(simt_probe, __VA_ARGS__);                 \
        } else {                                                                     \
          return nullptr;                                                            \
        }                                                                            \
      },                                                                             \
      [=](const auto&... simt_arguments) { __VA_ARGS__(simt_arguments...); }
