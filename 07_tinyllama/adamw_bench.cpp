// Benchmark of adamw: one step of a flat array of parameters, alone and with a bf16 copy.
#include "07_tinyllama/adamw.h"

#include "07_tinyllama/testing/adamw_oracle.h"
#include "common/core/bf16.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bf16.h"
#include "common/harness/matcher.h"

namespace {

template <class ContractOf>
class AdamWProblem {
 public:
  using Contract = ContractOf;
  static constexpr bool kCopies = std::is_same_v<Contract, wb::AdamWBf16>;

  struct Buffers {
    wb::DeviceBuffer<float> parameters, gradients, m, v;
    wb::DeviceBuffer<wb::bf16> copy;  // empty without one
    std::vector<float> before;        // of both ends
    int calls = 0;                    // since clear: state moves with each
  };

  explicit AdamWProblem(std::size_t n) : n_(n) {}

  std::string name() const { return "n=" + std::to_string(n_); }

  // Four arrays read and three written, and two bytes of the copy.
  wb::Work work() const {
    const auto n = static_cast<double>(n_);
    return {(kCopies ? 30.0 : 28.0) * n, 15.0 * n};
  }

  std::size_t buffer_bytes() const { return n_ * (kCopies ? 18 : 16); }

  Buffers allocate(std::uint64_t seed) const {
    const std::vector<float> parameters = wb::random_uniform(n_, seed);
    return {wb::DeviceBuffer<float>(parameters),
            wb::DeviceBuffer<float>(wb::random_uniform(n_, seed + 1000)),
            wb::DeviceBuffer<float>(n_),
            wb::DeviceBuffer<float>(n_),
            wb::DeviceBuffer<wb::bf16>(kCopies ? n_ : 0),
            ends_of(parameters),
            0};
  }

  void clear(Buffers& b) const {
    b.m.fill_bytes(0);
    b.v.fill_bytes(0);
    const std::size_t at[] = {0, n_ - kEnd};
    for (int end = 0; end < 2; ++end) {
      WB_CUDA_CHECK(cudaMemcpy(b.parameters.data() + at[end], b.before.data() + end * kEnd,
                               kEnd * sizeof(float), cudaMemcpyHostToDevice));
    }
    if (kCopies) b.copy.fill_bytes(0xFF);
    b.calls = 0;
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    ++b.calls;
    const auto n = static_cast<std::int64_t>(n_);
    if constexpr (kCopies) {
      function(b.parameters.data(), b.gradients.data(), b.m.data(), b.v.data(), b.copy.data(), n, kConfig,
               b.calls, stream);
    } else {
      function(b.parameters.data(), b.gradients.data(), b.m.data(), b.v.data(), n, kConfig, b.calls, stream);
    }
  }

  // Where all gradients stay the same, m and v have a closed form, and each step is as long as the first. A
  // step rounds.
  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<float> gradients = ends_of(b.gradients.download());
    const std::vector<float> parameters = b.parameters.download();
    if constexpr (kCopies) {
      if (wb::to_float(b.copy.download()) != wb::rounded_to_bf16(parameters))
        return testing::AssertionFailure() << "the copy is not the parameters, rounded";
    }
    wb::AdamWOracle oracle(b.before);
    for (int step = 1; step <= b.calls; ++step) oracle.step(gradients, kConfig, step);
    return wb::matches(ends_of(parameters), oracle.p, {1e-6 + 1e-7 * b.calls, 1e-6});
  }

 private:
  static constexpr wb::AdamWConfig kConfig = {};
  static constexpr std::size_t kEnd = 2048;

  // The first kEnd elements and the last: all of them, step by step, would take longer than to measure.
  static std::vector<float> ends_of(const std::vector<float>& all) {
    std::vector<float> ends(all.begin(), all.begin() + kEnd);
    ends.insert(ends.end(), all.end() - kEnd, all.end());
    return ends;
  }

  std::size_t n_;
};

// The parameters of preset small, and enough that only memory counts.
template <class Problem>
std::vector<Problem> problems() {
  if (wb::device_is_cpu()) return {Problem(1 << 16), Problem(1 << 20)};
  return {Problem(31'977'984), Problem(1 << 26)};
}

const bool kAdamW = wb::add_benchmark<AdamWProblem<wb::AdamW>>(problems<AdamWProblem<wb::AdamW>>);
const bool kAdamWBf16 = wb::add_benchmark<AdamWProblem<wb::AdamWBf16>>(problems<AdamWProblem<wb::AdamWBf16>>);

}  // namespace
