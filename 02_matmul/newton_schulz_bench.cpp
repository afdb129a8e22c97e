// Benchmark of newton_schulz: five steps on weight matrices, with each product of the chapter.
#include "02_matmul/newton_schulz.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "02_matmul/testing/newton_schulz_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"

namespace {

class NewtonSchulzProblem {
 public:
  using Contract = wb::NewtonSchulz;

  struct Buffers {
    wb::DeviceBuffer<float> x, out;   // (R, C)
    wb::DeviceBuffer<float> scratch;  // (newton_schulz_scratch_size(R, C))
    std::uint64_t seed;
  };

  NewtonSchulzProblem(int r, int c, std::string matmul) : r_(r), c_(c), matmul_(std::move(matmul)) {}

  std::string name() const { return std::to_string(r_) + "x" + std::to_string(c_) + " by matmul " + matmul_; }

  // x read and out written once; each step multiplies (S, L) (L, S), (S, S) (S, S) and (S, S) (S, L).
  wb::Work work() const {
    const double s = std::min(r_, c_), l = std::max(r_, c_);
    return {8.0 * static_cast<double>(area()), wb::kNewtonSchulzSteps * (4 * s * s * l + 2 * s * s * s)};
  }

  std::size_t buffer_bytes() const {
    return (2 * area() + wb::newton_schulz_scratch_size(r_, c_)) * sizeof(float);
  }

  Buffers allocate(std::uint64_t seed) const {
    const std::vector<double> x = compose(seed, spectrum(seed));
    return {wb::DeviceBuffer<float>(std::vector<float>(x.begin(), x.end())), wb::DeviceBuffer<float>(area()),
            wb::DeviceBuffer<float>(wb::newton_schulz_scratch_size(r_, c_)), seed};
  }

  void clear(Buffers& buffers) const {
    buffers.out.fill_bytes(0xFF);
    buffers.scratch.fill_bytes(0xFF);
  }

  void call(Contract::Function* newton_schulz, Buffers& buffers, cudaStream_t stream) const {
    newton_schulz(buffers.x.data(), buffers.out.data(), buffers.scratch.data(), r_, c_,
                  wb::kNewtonSchulzSteps, wb::find_implementation<wb::Matmul>(matmul_).function, stream);
  }

  // The steps keep the singular vectors and map each singular value, and both are known.
  testing::AssertionResult check(const Buffers& buffers) const {
    std::vector<double> values = spectrum(buffers.seed);
    double squares = 0;
    for (const double s : values) squares += s * s;
    for (double& s : values) {
      s /= std::sqrt(squares);
      for (int step = 0; step < wb::kNewtonSchulzSteps; ++step) s = wb::newton_schulz_map(s);
    }
    return wb::matches(buffers.out.download(), compose(buffers.seed, values), {1e-5, 1e-4}, {{r_, c_}});
  }

 private:
  std::size_t rows() const { return static_cast<std::size_t>(r_); }
  std::size_t columns() const { return static_cast<std::size_t>(c_); }
  std::size_t area() const { return rows() * columns(); }

  // min(R, C) singular values.
  std::vector<double> spectrum(std::uint64_t seed) const {
    wb::Rng rng(3 * seed);
    std::vector<double> values(std::min(rows(), columns()));
    for (double& value : values) value = rng.uniform(0.25, 1.0);
    return values;
  }

  static std::vector<double> unit_vector(std::size_t n, std::uint64_t seed) {
    wb::Rng rng(seed);
    std::vector<double> v(n);
    double squares = 0;
    for (double& value : v) {
      value = rng.normal();
      squares += value * value;
    }
    for (double& value : v) value /= std::sqrt(squares);
    return v;
  }

  // The matrix (I - 2 u u^T) D (I - 2 v v^T), D diagonal with these singular values, u and v random units.
  std::vector<double> compose(std::uint64_t seed, const std::vector<double>& values) const {
    const std::vector<double> u = unit_vector(rows(), 3 * seed + 1), v = unit_vector(columns(), 3 * seed + 2);
    double middle = 0;  // u^T D v
    for (std::size_t i = 0; i < values.size(); ++i) middle += u[i] * values[i] * v[i];
    std::vector<double> x(area());
    for (std::size_t i = 0; i < rows(); ++i) {
      const double dv = i < values.size() ? values[i] * v[i] : 0;
      for (std::size_t j = 0; j < columns(); ++j) {
        const double ud = j < values.size() ? u[j] * values[j] : 0;
        x[i * columns() + j] = 4 * u[i] * middle * v[j] - 2 * u[i] * ud - 2 * dv * v[j];
      }
      if (i < values.size()) x[i * columns() + i] += values[i];
    }
    return x;
  }

  int r_, c_;
  std::string matmul_;
};

// The squares that Muon meets in a model of width 2048, and its feed-forward weights.
std::vector<NewtonSchulzProblem> problems() {
  using Shape = std::pair<int, int>;
  const std::vector<Shape> shapes = wb::device_is_cpu() ? std::vector<Shape>{{128, 128}, {96, 256}}
                                                        : std::vector<Shape>{{2048, 2048}, {5632, 2048}};
  std::vector<NewtonSchulzProblem> list;
  for (const auto& [r, c] : shapes) {
    for (const auto& matmul : wb::implementations<wb::Matmul>()) {
      if (matmul.name != "naive") list.emplace_back(r, c, matmul.name);
    }
  }
  return list;
}

const bool kAdded = wb::add_benchmark<NewtonSchulzProblem>(problems);

}  // namespace
