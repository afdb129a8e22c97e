// Benchmark of launch: the sum with its way to the device and back, from pageable and from pinned memory, as
// a whole and in pieces.
#include "01_vector_add/launch.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "common/core/check.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"

namespace {

// Host memory, pageable or pinned.
class HostFloats {
 public:
  HostFloats(const std::vector<float>& values, bool pinned) : size_(values.size()), pinned_(pinned) {
    if (pinned_) {
      void* memory = nullptr;
      WB_CUDA_CHECK(cudaHostAlloc(&memory, size_ * sizeof(float), cudaHostAllocDefault));
      data_ = static_cast<float*>(memory);
    } else {
      pageable_ = std::make_unique<float[]>(size_);
      data_ = pageable_.get();
    }
    std::copy(values.begin(), values.end(), data_);
  }
  HostFloats(HostFloats&& other) noexcept
      : size_(other.size_),
        pinned_(other.pinned_),
        pageable_(std::move(other.pageable_)),
        data_(other.data_) {
    other.data_ = nullptr;
  }
  HostFloats& operator=(HostFloats&&) = delete;
  ~HostFloats() {
    if (pinned_ && data_ != nullptr) static_cast<void>(cudaFreeHost(data_));
  }

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  bool pinned_;
  std::unique_ptr<float[]> pageable_;
  float* data_;
};

// What both contracts share.
class HostSum {
 public:
  struct Buffers {
    HostFloats a, b, out;  // (n)
  };

  HostSum(std::int64_t n, bool pinned) : n_(n), pinned_(pinned) {}

  // Two floats to the device and one back. The one addition takes no time beside them, so no FLOPs are
  // declared.
  wb::Work work() const {
    wb::Work work{12.0 * static_cast<double>(n_), 0};
    work.host_link = true;
    return work;
  }
  std::size_t buffer_bytes() const { return 3 * size() * sizeof(float); }

  Buffers allocate(std::uint64_t seed) const {
    return {{wb::random_uniform(size(), 2 * seed), pinned_},
            {wb::random_uniform(size(), 2 * seed + 1), pinned_},
            {std::vector<float>(size()), pinned_}};
  }

  void clear(Buffers& buffers) const {
    std::fill_n(buffers.out.data(), buffers.out.size(), std::numeric_limits<float>::quiet_NaN());
  }

  testing::AssertionResult check(const Buffers& buffers) const {
    std::vector<double> sum(size());
    for (std::size_t i = 0; i < size(); ++i)
      sum[i] = static_cast<double>(buffers.a.data()[i]) + static_cast<double>(buffers.b.data()[i]);
    const std::vector<float> got(buffers.out.data(), buffers.out.data() + size());
    return wb::matches(got, sum, {0.0, 6e-8}, {{n_}});
  }

 protected:
  std::size_t size() const { return static_cast<std::size_t>(n_); }
  std::int64_t n_;
  bool pinned_;
};

class LaunchProblem : public HostSum {
 public:
  using Contract = wb::Launch;
  using HostSum::HostSum;

  std::string name() const { return "n=" + std::to_string(n_) + (pinned_ ? " pinned" : " pageable"); }
  void call(Contract::Function* launch, Buffers& buffers, cudaStream_t) const {
    WB_CUDA_CHECK(launch(buffers.a.data(), buffers.b.data(), buffers.out.data(), n_, 256));
  }
};

class LaunchStreamedProblem : public HostSum {
 public:
  using Contract = wb::LaunchStreamed;

  LaunchStreamedProblem(std::int64_t n, std::int64_t piece) : HostSum(n, true), piece_(piece) {}

  std::string name() const { return "n=" + std::to_string(n_) + " pieces of " + std::to_string(piece_); }
  void call(Contract::Function* launch, Buffers& buffers, cudaStream_t) const {
    WB_CUDA_CHECK(launch(buffers.a.data(), buffers.b.data(), buffers.out.data(), n_, piece_));
  }

 private:
  std::int64_t piece_;
};

std::int64_t large() {
  return wb::device_is_cpu() ? 1 << 20 : 1 << 24;
}

WB_BENCHMARK(LaunchProblem, LaunchProblem(1 << 16, false), LaunchProblem(1 << 16, true),
             LaunchProblem(large(), false), LaunchProblem(large(), true));
// One piece is no overlap at all.
WB_BENCHMARK(LaunchStreamedProblem, LaunchStreamedProblem(large(), large()),
             LaunchStreamedProblem(large(), large() / 4), LaunchStreamedProblem(large(), large() / 16),
             LaunchStreamedProblem(large(), large() / 64), LaunchStreamedProblem(large(), large() / 256),
             LaunchStreamedProblem(large(), large() / 1024));

}  // namespace
