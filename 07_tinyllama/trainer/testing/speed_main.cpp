// How fast does a training step run, in each precision, with and without graphs? For docs/precision.md.
//
//   training_speed [--preset small] [--kernels auto] [--rounds 5] [--seconds 0.5]
//
// Every round measures every variant, so that what disturbs the machine meets all of them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "07_tinyllama/trainer/trainer.h"
#include "common/core/device_info.h"

namespace {

constexpr int kMostSteps = 1 << 20;
constexpr int kWarmUpSteps = 5;

struct Variant {
  wb::Precision precision;
  bool graph;
  std::unique_ptr<wb::Trainer> trainer;
  std::vector<double> step_ms;  // one per round
};

double now_ms() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

// Milliseconds per step over about that many of them, the device idle before and after.
double measure(wb::Trainer& trainer, double at_least_ms) {
  trainer.synchronize();
  const double begin = now_ms();
  int steps = 0;
  double spent = 0.0;
  while (spent < at_least_ms) {
    trainer.train(10);
    steps += 10;
    trainer.synchronize();
    spent = now_ms() - begin;
  }
  return spent / steps;
}

void run(const std::string& preset, const std::string& kernels, int rounds, double seconds) {
  const wb::ModelConfig config = wb::preset(preset);
  std::vector<Variant> variants;
  for (const auto precision : {wb::Precision::kFp32, wb::Precision::kTf32, wb::Precision::kBf16}) {
    for (const bool graph : {false, true}) {
      if (graph && !wb::PassGraph::supported()) continue;
      variants.push_back({precision, graph, nullptr, {}});
      variants.back().trainer =
          std::make_unique<wb::Trainer>(wb::TrainerOptions{.config = config,
                                                           .kernels = wb::select_kernels(kernels, precision),
                                                           .max_steps = kMostSteps,
                                                           .graph = graph},
                                        wb::Data::random(config, 1));
      variants.back().trainer->train(kWarmUpSteps);
    }
  }
  for (int round = 0; round < rounds; ++round) {
    for (Variant& variant : variants)
      variant.step_ms.push_back(measure(*variant.trainer, 1e3 * seconds / variants.size()));
  }
  fmt::print("{} ({}), {}, median of {} rounds\n", preset, wb::describe(config), wb::describe_device(),
             rounds);
  for (Variant& variant : variants) {
    std::sort(variant.step_ms.begin(), variant.step_ms.end());
    const double median = variant.step_ms[variant.step_ms.size() / 2];
    fmt::print("  {:4} {:8} {:9.3f} ms per step ({:.3f} to {:.3f}), {:9.1f} samples/s\n",
               wb::name_of(variant.precision), variant.graph ? "graph" : "no graph", median,
               variant.step_ms.front(), variant.step_ms.back(), 1e3 * config.b / median);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Times training steps in each precision, with and without graphs.");
  std::string preset = "small", kernels = "auto";
  int rounds = 5;
  double seconds = 1.0;
  app.add_option("--preset", preset, "nano, small, medium, ...")->capture_default_str();
  app.add_option("--kernels", kernels, "as select_kernels takes them")->capture_default_str();
  app.add_option("--rounds", rounds, "how often each variant is measured")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--seconds", seconds, "of a round, all variants together")
      ->check(CLI::Range(0.01, 600.0))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    run(preset, kernels, rounds, seconds);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "training_speed: {}\n", error.what());
    return 1;
  }
}
