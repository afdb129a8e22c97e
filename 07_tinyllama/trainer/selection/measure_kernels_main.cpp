// measure_kernels: the table of kernels at a preset's shapes, without training anything.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "07_tinyllama/trainer/pass_graph.h"
#include "07_tinyllama/trainer/selection/select.h"
#include "07_tinyllama/trainer/selection/worker.h"
#include "common/core/device_info.h"

namespace {

constexpr int kUsageError = 2;

struct Typed {
  std::string preset;
  std::string precision = "fp32";
  std::optional<int> batch_size, seq_len;
  bool strided = false;
  wb::KernelOptions kernels;
  int limit = 0;
  bool graph = true;
};

void declare(CLI::App& app, Typed& typed) {
  app.add_option("--preset", typed.preset, "nano, small, medium or tinyllama")
      ->default_str("nano on the CPU device, small on CUDA");
  app.add_option("--precision", typed.precision, "fp32, tf32 or bf16")->capture_default_str();
  app.add_option("--batch-size", typed.batch_size, "sequences in a batch")->default_str("the preset's");
  app.add_option("--seq-len", typed.seq_len, "tokens in a sequence")->default_str("the preset's");
  app.add_flag("--strided", typed.strided,
               "keys and values as a strided view (stages 1 and 2 of the journey)");
  app.add_flag("--graph,!--no-graph", typed.graph,
               "time calls in a CUDA graph, as a training run launches them: where there are any");
  app.add_option("--kernels", typed.kernels.kernels, "auto, remeasure, fixed, or a request such as solution")
      ->capture_default_str();
  app.add_option("--kernel", typed.kernels.forced, "force one, as in rmsnorm=starter; may be repeated");
  app.add_flag("--strict", typed.kernels.strict, "stop when a forced kernel is wrong");
  app.add_option("--cache", typed.kernels.selection.folder, "folder of what is remembered")
      ->default_str("$XDG_CACHE_HOME/cuda-workbook");
  app.add_option("--limit", typed.limit, "seconds that one kernel may take")
      ->default_str("30, on the CPU device 120");
}

int run(const Typed& typed) {
  wb::Setting setting;
  setting.config = wb::preset(!typed.preset.empty() ? typed.preset : wb::device_is_cpu() ? "nano" : "small");
  setting.config.b = typed.batch_size.value_or(setting.config.b);
  setting.config.t = typed.seq_len.value_or(setting.config.t);
  wb::validate(setting.config);
  setting.precision = wb::parse_precision(typed.precision);
  setting.graph = wb::PassGraph::supported() && typed.graph;
  setting.kv_layout = typed.strided ? wb::KvLayout::kStridedView : wb::KvLayout::kContiguous;
  wb::KernelOptions options = typed.kernels;
  if (typed.limit > 0) options.selection.limit = std::chrono::seconds(typed.limit);
  fmt::print("{}\n{}, {}\n", wb::describe_device(), describe(setting.config), name_of(setting.precision));
  const wb::KernelPlan plan = wb::plan_kernels(setting, options, [](const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
  });
  fmt::print("A run would use: {}\n", describe(plan.kernels));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (wb::is_worker(argc, argv)) return wb::worker_main();
  CLI::App app("Checks and times every kernel that a model's training step can use.", "measure_kernels");
  Typed typed;
  declare(app, typed);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(typed);
  } catch (const wb::CudaError& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  } catch (const wb::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return kUsageError;
  }
}
