#include "07_tinyllama/trainer/selection/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "07_tinyllama/trainer/selection/check_kernels.h"
#include "07_tinyllama/trainer/selection/measure.h"
#include "common/core/device_info.h"

namespace wb {
namespace {

template <class T>
double element_at(const T* values, std::int64_t index) {
  T value;
  WB_CUDA_CHECK(cudaMemcpy(&value, values + index, sizeof(T), cudaMemcpyDeviceToHost));
  return static_cast<double>(to_float(value));
}

// Of a number that is not one, C++ prints the sign bit too.
std::string value_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{:.6g}", value);
}

class Events {
 public:
  explicit Events(std::size_t count) : events_(count, nullptr) {
    for (cudaEvent_t& event : events_) WB_CUDA_CHECK(cudaEventCreate(&event));
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  ~Events() {
    for (const cudaEvent_t event : events_) static_cast<void>(cudaEventDestroy(event));
  }
  void record(std::size_t i) { WB_CUDA_CHECK(cudaEventRecord(events_[i])); }
  double seconds_between(std::size_t from, std::size_t to) {
    WB_CUDA_CHECK(cudaEventSynchronize(events_[to]));
    float milliseconds = 0.0f;
    WB_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, events_[from], events_[to]));
    return 1e-3 * static_cast<double>(milliseconds);
  }

 private:
  std::vector<cudaEvent_t> events_;
};

// The verdict on an exception. A device that has an error for every later call is lost.
ProblemRun::Trial verdict_of(const std::exception& error, const std::string& implementation) {
  std::string message = error.what();
  if (dynamic_cast<const CudaError*>(&error) != nullptr) {
    const std::string more = device_explanation();
    if (!more.empty()) message += ": " + more;
    static_cast<void>(cudaGetLastError());
    if (cudaDeviceSynchronize() != cudaSuccess) throw DeviceLost(implementation, message);
    return {Verdict::kFailed, message, 0.0};
  }
  const bool refused = dynamic_cast<const Error*>(&error) != nullptr;
  return {refused ? Verdict::kUnsupported : Verdict::kFailed, message, 0.0};
}

}  // namespace

ProblemRun::ProblemRun(const Problem& problem, std::uint64_t seed, bool graph)
    : problem_(problem), seed_(seed), graph_(graph && PassGraph::supported()) {
  prepare();
  Workspace own(problem_.reference.own, seed_);
  for (const Candidate::Call& phase : problem_.reference.phases) phase(*tensors_, own, nullptr);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  expected_ = tensors_->copy_outputs();
  for (std::size_t i = 0; i < expected_.size(); ++i) {
    const TensorSpec& tensor = problem_.tensors[i];
    double scale = 0.0;
    if (expected_[i].size() != 0) {
      scale = tensor.element == Element::kBf16
                  ? root_mean_square(reinterpret_cast<const bf16*>(expected_[i].data()), tensor.elements)
                  : root_mean_square(reinterpret_cast<const float*>(expected_[i].data()), tensor.elements);
      if (!(scale > 0.0 && scale < INFINITY)) {
        throw Error(fmt::format("kernel selection: the reference's {} is zero or not finite for {}",
                                tensor.name, problem_.shape));
      }
    }
    scales_.push_back(scale);
  }
}

void ProblemRun::prepare() {
  tensors_.reset();
  tensors_ = std::make_unique<Workspace>(problem_.tensors, seed_);
  if (problem_.prepare) problem_.prepare(*tensors_);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  tensors_->seal();
  tensors_->reset();
}

template <class T>
std::string ProblemRun::difference(std::size_t index, double& worst) {
  const TensorSpec& tensor = problem_.tensors[index];
  const T* got = tensors_->at<T>(index);
  const T* expected = reinterpret_cast<const T*>(expected_[index].data());
  const Difference found = compare(got, expected, tensor.elements, problem_.allowed.worst, scales_[index]);
  worst = std::max(worst, found.worst);
  if (found.unwritten > 0) {
    return fmt::format("{}: {} of {} elements were not written", tensor.name, found.unwritten,
                       tensor.elements);
  }
  if (found.wrong > 0) {
    return fmt::format("{} of {} elements of {} are wrong; the worst: {}[{}] = {}, expected {}", found.wrong,
                       tensor.elements, tensor.name, tensor.name, found.worst_at,
                       value_text(element_at(got, found.worst_at)),
                       value_text(element_at(expected, found.worst_at)));
  }
  if (!(found.relative <= problem_.allowed.relative)) {
    return fmt::format("{} as a whole is off by {:.2g} of its size, allowed are {:.2g}", tensor.name,
                       found.relative, problem_.allowed.relative);
  }
  return {};
}

ProblemRun::Trial ProblemRun::compare_outputs(const std::string& damage) {
  if (!damage.empty()) return {Verdict::kWrong, damage, 0.0};
  Trial trial;
  for (std::size_t i = 0; i < problem_.tensors.size(); ++i) {
    if (expected_[i].size() == 0) continue;
    const std::string wrong = problem_.tensors[i].element == Element::kBf16
                                  ? difference<bf16>(i, trial.worst)
                                  : difference<float>(i, trial.worst);
    if (!wrong.empty()) return {Verdict::kWrong, wrong, trial.worst};
  }
  return trial;
}

ProblemRun::Trial ProblemRun::judge(const Candidate& candidate, Workspace& own) {
  Trial trial;
  std::string damage;
  try {
    tensors_->reset();
    own.reset();
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    for (const Candidate::Call& phase : candidate.phases) phase(*tensors_, own, nullptr);
    WB_CHECK_LAUNCH();
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    damage = tensors_->damage();
    if (damage.empty()) damage = own.damage();
    trial = compare_outputs(damage);
    if (graph_ && trial.verdict == Verdict::kCorrect) {
      record(candidate, own, 1);
      WB_CUDA_CHECK(cudaDeviceSynchronize());
    }
  } catch (const std::exception& error) {
    trial = verdict_of(error, candidate.name);
  }
  // What one implementation has spoiled must not count against the next one.
  if (trial.verdict != Verdict::kCorrect) prepare();
  return trial;
}

// A graph for each phase, launched once.
std::vector<PassGraph> ProblemRun::record(const Candidate& candidate, Workspace& own, int calls) {
  std::vector<PassGraph> graphs(candidate.phases.size());
  for (std::size_t phase = 0; phase < graphs.size(); ++phase) {
    const auto enqueue = [&](cudaStream_t stream) {
      for (int call = 0; call < calls; ++call) candidate.phases[phase](*tensors_, own, stream);
    };
    graphs[phase].run(nullptr, enqueue);  // as it is
    graphs[phase].run(nullptr, enqueue);  // recorded
  }
  return graphs;
}

std::vector<double> ProblemRun::time(const Candidate& candidate, Workspace& own, int calls) {
  std::vector<PassGraph> graphs;
  if (graph_) graphs = record(candidate, own, calls);
  Events events(candidate.phases.size() + 1);
  events.record(0);
  for (std::size_t phase = 0; phase < candidate.phases.size(); ++phase) {
    if (graph_) {
      graphs[phase].run(nullptr, {});
    } else {
      for (int call = 0; call < calls; ++call) candidate.phases[phase](*tensors_, own, nullptr);
    }
    events.record(phase + 1);
  }
  std::vector<double> seconds;
  for (std::size_t phase = 0; phase < candidate.phases.size(); ++phase) {
    seconds.push_back(events.seconds_between(phase, phase + 1) / calls);
  }
  return seconds;
}

}  // namespace wb
