// What is measured: for each operation of a model the calls that a training step makes, at their real shapes,
// and every implementation that this program has of it.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/kv_layout.h"
#include "07_tinyllama/trainer/precision.h"
#include "07_tinyllama/trainer/selection/workspace.h"

namespace wb {

/// The run that kernels are chosen for.
struct Setting {
  ModelConfig config;
  Precision precision = Precision::kFp32;
  KvLayout kv_layout = KvLayout::kContiguous;
  bool graph = false;  // its passes are launched as CUDA graphs (pass_graph.h)
};

/// How far an implementation may be from the reference, in the errors of check_kernels.h.
struct Allowed {
  double worst = 0.0;     // of any one element: finds the few that are wrong
  double relative = 0.0;  // ||got - expected|| / ||expected||: finds what is wrong everywhere by a little
};

/// One implementation, ready to be called on a problem's tensors.
struct Candidate {
  using Call = std::function<void(Workspace& tensors, Workspace& own, cudaStream_t stream)>;
  std::string name;
  std::vector<TensorSpec> own = {};  // memory that this implementation asks for, beside the problem's
  std::vector<Call> phases = {};     // one for each contract of the unit, called in order
};

/// One call of a step.
struct Problem {
  std::string shape = {};  // "NT 1024 x 512 x 2048"
  double calls = 1.0;      // of a training step
  double flops = 0.0;      // of a call; 0: bytes bound it
  Allowed allowed = {};
  std::vector<TensorSpec> tensors = {};
  std::function<void(Workspace&)> prepare = {};  // inputs that are no random numbers; may be empty
  Candidate reference = {};
  std::vector<Candidate> candidates =
      {};  // sorted by name; the reference is one of them where it is registered
};

/// Contracts that are chosen together, over all shapes that a step calls them with: a run has one function
/// pointer for each. The forward and backward passes of attention share memory, so they are one unit.
struct Unit {
  std::string name;                    // "attention"
  std::vector<std::string> contracts;  // the phases: "attention_forward", "attention_backward"
  std::vector<std::string> requests;   // what select_kernels is asked for: "attention"
  std::vector<Problem> problems;
};

/// Every unit that a step of this run calls, the matrix product first. `product` is the implementation of the
/// product that operations with products inside are measured with; of a name that is not there, `solution`.
std::vector<Unit> units_of(const Setting& setting, std::string_view product);

}  // namespace wb
