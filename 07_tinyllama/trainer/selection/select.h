// Which kernels a run uses: measured, looked up, or forced by its user.
//
//   if (wb::is_worker(argc, argv)) return wb::worker_main();   // first thing in main()
//   const wb::KernelPlan plan = wb::plan_kernels({config, precision, layout}, {.kernels = "auto"}, say);
//   trainer_options.kernels = plan.kernels;
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/kernels.h"
#include "07_tinyllama/trainer/selection/measure.h"
#include "07_tinyllama/trainer/selection/parity.h"
#include "07_tinyllama/trainer/selection/problem.h"
#include "07_tinyllama/trainer/selection/report.h"

namespace wb {

struct SelectionOptions {
  bool remeasure = false;             // whatever is remembered
  std::filesystem::path folder = {};  // of what is remembered; empty: the default's
  std::filesystem::path worker = {};  // the program that measures; empty: this one
  std::optional<std::chrono::milliseconds> limit = std::nullopt;  // for one implementation; default_limit()
  std::optional<MeasureOptions> measure = std::nullopt;           // default_measure_options()
};

struct Selection {
  std::vector<UnitReport> units;
  std::string request;  // for select_kernels
  bool remembered = false;
  std::string created;  // when it was measured
};

/// Takes a line for the user, without its line break.
using Say = std::function<void(const std::string&)>;

/// Measures every implementation at the shapes of this run, or recalls what was measured. Says what it does.
/// Errors: the measuring process cannot start.
Selection select_by_measurement(const Setting& setting, const SelectionOptions& options, const Say& say);

struct KernelOptions {
  /// auto (by measurement), remeasure (auto, and nothing remembered), fixed (the look-up of select_kernels),
  /// or a request of select_kernels; after the first word rules may follow: "auto,swiglu=naive".
  std::string kernels = "auto";
  /// operation=NAME or contract=NAME: these, if they are right and hold parity.
  std::vector<std::string> forced = {};
  bool strict = false;  // a forced kernel that is wrong stops the run, instead of being replaced
  SelectionOptions selection = {};
};

/// Throws wb::Error, one line, unless all of the request and of what is forced exists. Measures nothing.
void require_known(const KernelOptions& options, Precision precision);

/// The request for select_kernels without measuring: "auto,swiglu=naive" of "remeasure,swiglu=naive".
std::string look_up_of(const std::string& kernels);

/// What became of one forced kernel.
struct ForcedKernel {
  std::string rule;  // "rmsnorm=starter"
  bool taken = false;
  std::string failure;  // why not
  Parity parity;
};

struct KernelPlan {
  KernelSet kernels;
  std::string request;  // select_kernels(request, precision) gives the same set
  std::optional<Selection> selection;
  std::vector<ForcedKernel> forced;
};

/// Chooses, checks what is forced, and says what happened. Errors: a request that select_kernels refuses;
/// with `strict`, a forced kernel that is not right.
KernelPlan plan_kernels(const Setting& setting, const KernelOptions& options, const Say& say);

}  // namespace wb
