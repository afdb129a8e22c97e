// Benchmark of muon: one step of a weight matrix. newton_schulz takes nearly all of it.
#include "07_tinyllama/muon.h"

#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

class MuonProblem {
 public:
  using Contract = wb::Muon;

  struct Buffers {
    wb::DeviceBuffer<float> parameters, gradients, momentum, scratch;
    std::vector<float> before;
    int calls = 0;  // since clear: state moves with each
  };

  MuonProblem(int r, int c) : r_(r), c_(c) {}

  std::string name() const { return std::to_string(r_) + " x " + std::to_string(c_); }

  // Parameters, gradients and momentum read, parameters and momentum written. Each of five steps has two
  // products of 2 R C S FLOPs and one of 2 S^3.
  wb::Work work() const {
    const double s = std::min(r_, c_), size = static_cast<double>(area());
    return {20.0 * size, wb::kNewtonSchulzSteps * (4.0 * size * s + 2.0 * s * s * s) + 6.0 * size};
  }

  std::size_t buffer_bytes() const { return 4 * (3 * area() + wb::muon_scratch_size(r_, c_)); }

  Buffers allocate(std::uint64_t seed) const {
    std::vector<float> parameters = wb::random_uniform(area(), seed);
    return {wb::DeviceBuffer<float>(parameters),
            wb::to_device<float>(wb::random_uniform(area(), seed + 1000)),
            wb::DeviceBuffer<float>(area()),
            wb::DeviceBuffer<float>(wb::muon_scratch_size(r_, c_)),
            parameters,
            0};
  }

  void clear(Buffers& b) const {
    b.momentum.fill_bytes(0);
    b.scratch.fill_bytes(0xFF);
    b.parameters.upload(b.before);
    b.calls = 0;
  }

  void call(Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    static wb::Matmul::Function* const matmul = wb::library_or_solution<wb::Matmul>();
    static wb::NewtonSchulz::Function* const newton_schulz =
        wb::find_implementation<wb::NewtonSchulz>("solution").function;
    ++b.calls;
    function(b.parameters.data(), b.gradients.data(), b.momentum.data(), b.scratch.data(), r_, c_, {},
             newton_schulz, matmul, stream);
  }

  // The gradients stay the same, so m is a multiple of them, and after n calls the parameters have moved n
  // times along the same orthogonal matrix: d d^T = k I, about, with k near (n lr scale)^2.
  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<float> now = b.parameters.download(), m = b.momentum.download();
    const std::vector<float> g = b.gradients.download();
    double sum = 0.0;
    for (int i = 0; i < b.calls; ++i) sum = static_cast<double>(wb::MuonConfig{}.momentum) * sum + 1.0;
    std::vector<double> expected_m(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) expected_m[i] = sum * static_cast<double>(g[i]);
    if (auto same = wb::matches(m, expected_m, {1e-5, 1e-5}); !same) return same << " momentum";
    double squares = 0.0;
    for (std::size_t i = 0; i < now.size(); ++i) {
      const double moved = static_cast<double>(now[i]) - static_cast<double>(b.before[i]);
      squares += moved * moved;
    }
    // S singular values between 0.6 and 1.3, in units of a step.
    const double step = static_cast<double>(wb::MuonConfig{}.learning_rate * wb::muon_scale(r_, c_));
    const double length = std::sqrt(squares / std::min(r_, c_)) / (step * b.calls);
    if (length > 0.6 && length < 1.3) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "the parameters moved " << length << " steps per call, expected 0.6 to 1.3";
  }

 private:
  std::size_t area() const { return static_cast<std::size_t>(r_) * static_cast<std::size_t>(c_); }
  int r_, c_;
};

// Attention and feed-forward weights: square, tall and wide.
std::vector<MuonProblem> problems() {
  if (wb::device_is_cpu()) return {{128, 128}, {256, 64}, {64, 256}};
  return {{512, 512}, {2048, 2048}, {5632, 2048}, {2048, 5632}};
}

const bool kAdded = wb::add_benchmark<MuonProblem>(problems);

}  // namespace
