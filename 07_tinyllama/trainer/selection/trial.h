// One problem's tensors, its reference, and trials of candidates against it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/pass_graph.h"
#include "07_tinyllama/trainer/selection/problem.h"
#include "07_tinyllama/trainer/selection/report.h"

namespace wb {

class ProblemRun {
 public:
  /// Computes the reference. `graph`: the run launches graphs, where the device has them. Errors: what the
  /// reference throws.
  ProblemRun(const Problem& problem, std::uint64_t seed, bool graph = false);

  /// Calls a candidate once on poisoned outputs and judges what it left, and with `graph` whether it can be
  /// recorded; with kWrong and the like, `message` says why. Errors: DeviceLost.
  struct Trial {
    Verdict verdict = Verdict::kCorrect;
    std::string message;
    double worst = 0.0;
  };
  Trial judge(const Candidate& candidate, Workspace& own);

  /// Seconds of a call of each phase, of `calls` calls between two events: on a stream, or in a graph, which
  /// takes no time of the host for each.
  std::vector<double> time(const Candidate& candidate, Workspace& own, int calls);

 private:
  void prepare();
  std::vector<PassGraph> record(const Candidate& candidate, Workspace& own, int calls);
  Trial compare_outputs(const std::string& damage);
  template <class T>
  std::string difference(std::size_t index, double& worst);

  const Problem& problem_;
  std::uint64_t seed_;
  bool graph_;
  std::unique_ptr<Workspace> tensors_;
  std::vector<DeviceBuffer<unsigned char>> expected_;
  std::vector<double> scales_;
};

}  // namespace wb
