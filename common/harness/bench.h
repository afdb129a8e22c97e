// Benchmarks that run once for every registered implementation of a contract and every problem size.
//
// A benchmark file describes its problem as a class and lists the sizes (01_vector_add/vector_add_bench.cpp):
//
//   class VectorAddProblem {
//    public:
//     using Contract = wb::VectorAdd;
//     struct Buffers { ... };                                  // device memory of one call
//     std::string name() const;                                // "n=1048576"
//     wb::Work work() const;                                   // of one call, counted by hand
//     std::size_t buffer_bytes() const;                        // of one Buffers
//     Buffers allocate(std::uint64_t seed) const;              // random inputs, never zeros; may take the
//                                                              // function too, where memory depends on it
//     void clear(Buffers&) const;                              // poison the outputs
//     void call(Contract::Function*, Buffers&, cudaStream_t) const;
//     testing::AssertionResult check(const Buffers&) const;    // of what call() left
//     std::string skip_reason(const std::string& implementation) const;  // optional; not empty: not measured
//     static constexpr bool kAccumulates = true;               // optional: calls add to what clear() set,
//                                                              // and check() is of a single call
//   };
//   WB_BENCHMARK(VectorAddProblem, VectorAddProblem(1 << 20), VectorAddProblem(1 << 24));
//
// How it is measured: CUDA events surround a batch of calls. The calls rotate over buffer sets that are
// together three times as large as the last-level cache, so that data comes from memory. The result is the
// median of the batches, with quartiles. Outputs are checked before the first batch and after the last one,
// which is timed. If outputs accumulate, those of one more call are checked, because thousands of calls would
// add up their rounding errors as well. Between the two checks a set gets other inputs at the same addresses,
// so that a result kept from an earlier call is wrong. Bytes and FLOPs are declared; GB/s, TFLOP/s and the
// fraction of the roof are computed from them. A result above the roof is an error. Link wb_bench_main.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/core/device_recycling.h"
#include "common/core/registry.h"
#include "common/harness/selection.h"

namespace wb {

/// The least that one call has to do: read each input once and write each output once. An implementation may
/// move more bytes.
struct Work {
  double bytes = 0;
  double flops = 0;
  /// True if tensor cores may do the FLOPs. Then the roof of bf16 products is the limit, not that of fp32.
  bool tensor_cores = false;
  /// True if the bytes move between host and device. Then the bandwidth of device memory is not their limit.
  bool host_link = false;
};

namespace detail {

/// The buffers of one case while it is measured.
class BenchmarkSession {
 public:
  virtual ~BenchmarkSession() = default;
  virtual void clear() = 0;
  virtual void call(std::size_t set, cudaStream_t stream) = 0;
  /// Replaces the inputs by others, at the same addresses. The outputs must be cleared afterwards.
  virtual void change_inputs(std::size_t set) = 0;
  /// After many calls: clears outputs that accumulate and makes one call, so that check() can judge it.
  virtual void renew(std::size_t set, cudaStream_t stream) = 0;
  virtual testing::AssertionResult check(std::size_t set) const = 0;
};

/// One row of the table: an implementation of a contract on one problem.
struct BenchmarkCase {
  std::string contract;
  std::string problem;
  std::string implementation;
  Work work;
  std::size_t buffer_bytes = 0;
  std::function<std::unique_ptr<BenchmarkSession>(std::size_t sets)> open;
  std::string baseline = {};     // the implementation it is compared with
  std::string skip_reason = {};  // why it is not measured; empty: it is
};

template <class Problem>
class ProblemSession final : public BenchmarkSession {
 public:
  using Function = typename Problem::Contract::Function;
  using Buffers = typename Problem::Buffers;

  ProblemSession(const Problem& problem, Function* function, std::size_t sets)
      : problem_(problem), function_(function) {
    for (std::size_t set = 0; set < sets; ++set) buffers_.push_back(allocate(set + 1));
  }
  void clear() override {
    for (auto& buffers : buffers_) problem_.clear(*buffers);
  }
  void call(std::size_t set, cudaStream_t stream) override {
    problem_.call(function_, *buffers_[set], stream);
  }
  void change_inputs(std::size_t set) override {
    const RecycledDeviceMemory same_addresses;
    buffers_[set].reset();
    buffers_[set] = allocate(buffers_.size() + set + 1);
  }
  void renew([[maybe_unused]] std::size_t set, [[maybe_unused]] cudaStream_t stream) override {
    if constexpr (requires { requires Problem::kAccumulates; }) {
      problem_.clear(*buffers_[set]);
      call(set, stream);
    }
  }
  testing::AssertionResult check(std::size_t set) const override { return problem_.check(*buffers_[set]); }

 private:
  std::unique_ptr<Buffers> allocate(std::uint64_t seed) const {
    if constexpr (requires { problem_.allocate(seed, function_); }) {
      return std::make_unique<Buffers>(problem_.allocate(seed, function_));
    } else {
      return std::make_unique<Buffers>(problem_.allocate(seed));
    }
  }

  Problem problem_;
  Function* function_;
  std::vector<std::unique_ptr<Buffers>> buffers_;
};

/// Cases are made after the options are read, so that a filter on implementations takes effect.
void add_benchmark_cases(std::function<std::vector<BenchmarkCase>()> make);

}  // namespace detail

/// Registers every selected implementation of Problem::Contract on every problem that `make_problems` lists.
/// A program without any implementation is allowed: one that contains only a starter has no bf16 contracts.
/// `make_problems` is called from main(), so that it may query the device.
template <class Problem>
bool add_benchmark_if_linked(std::function<std::vector<Problem>()> make_problems) {
  using Contract = typename Problem::Contract;
  detail::add_benchmark_cases([make_problems = std::move(make_problems)] {
    std::vector<detail::BenchmarkCase> cases;
    for (const Problem& problem : make_problems()) {
      for (const auto& entry : selected_implementations<Contract>()) {
        cases.push_back({Contract::kName, problem.name(), entry.name, problem.work(), problem.buffer_bytes(),
                         [problem, function = entry.function](std::size_t sets) {
                           return std::make_unique<detail::ProblemSession<Problem>>(problem, function, sets);
                         }});
        if constexpr (requires { problem.skip_reason(entry.name); }) {
          cases.back().skip_reason = problem.skip_reason(entry.name);
        }
      }
    }
    return cases;
  });
  return true;
}

/// The same, but a program without any implementation is an error.
template <class Problem>
bool add_benchmark(std::function<std::vector<Problem>()> make_problems) {
  detail::declare_contract<typename Problem::Contract>();
  return add_benchmark_if_linked<Problem>(std::move(make_problems));
}

}  // namespace wb

/// Lists the problems of a benchmark, at namespace scope.
#define WB_BENCHMARK(Problem, ...)           \
  static const bool wb_benchmark_##Problem = \
      ::wb::add_benchmark<Problem>([] { return std::vector<Problem>{__VA_ARGS__}; })
