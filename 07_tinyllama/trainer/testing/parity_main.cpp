// Trains from given weights on given batches and prints the losses: one side of
// tools/peers/training_parity.py.
//
//   training_parity INPUT [--precision bf16] [--kernels auto] [--losses FILE]
//
// INPUT is a safetensors file as tools/golden/make_model_golden.py writes it, with tokens and targets of
// every step: (steps, B, T).
#include <fmt/format.h>
#include <fmt/os.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <vector>

#include "07_tinyllama/trainer/optimizer.h"
#include "07_tinyllama/trainer/testing/model_golden.h"

namespace {

std::vector<float> train(const wb::ModelGolden& input, const wb::KernelSet& kernels) {
  const wb::ModelConfig config = input.config();
  wb::Model model(config, kernels);
  wb::Optimizer optimizer({.adamw = input.adamw()}, model.parameters().table(), kernels);
  input.load_weights(model.parameters());
  const wb::DeviceBuffer<int> tokens(input.tokens()), targets(input.targets());
  const int steps = static_cast<int>(tokens.size()) / config.tokens();
  wb::DeviceBuffer<float> losses(static_cast<std::size_t>(steps));
  for (int step = 0; step < steps; ++step) {
    const std::size_t batch = static_cast<std::size_t>(step) * static_cast<std::size_t>(config.tokens());
    model.forward(tokens.data() + batch, targets.data() + batch, losses.data() + step);
    model.backward(tokens.data() + batch, targets.data() + batch);
    optimizer.step(model.parameters(), model.gradients(), step + 1, nullptr);
  }
  return losses.download();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains from given weights on given batches.");
  std::string path, precision = "fp32", kernels = "auto", output;
  app.add_option("input", path, "safetensors: config, adamw, weights, batches")->required();
  app.add_option("--precision", precision, "fp32, tf32 or bf16")->capture_default_str();
  app.add_option("--kernels", kernels, "as the journey's")->capture_default_str();
  app.add_option("--losses", output, "write one loss per line to this file");
  CLI11_PARSE(app, argc, argv);
  try {
    const wb::ModelGolden input{wb::read_safetensors(path)};
    const wb::KernelSet set = wb::select_kernels(kernels, wb::parse_precision(precision));
    const std::vector<float> losses = train(input, set);
    fmt::print("{}: loss {:.5f} -> {:.5f} in {} steps; {}\n", precision, losses.front(), losses.back(),
               losses.size(), wb::describe(set));
    if (!output.empty()) {
      auto file = fmt::output_file(output);
      for (const float loss : losses) file.print("{:.9g}\n", loss);
    }
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "training_parity: {}\n", error.what());
    return 1;
  }
}
