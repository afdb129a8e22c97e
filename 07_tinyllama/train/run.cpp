#include "07_tinyllama/train/run.h"

#include <fmt/format.h>

#include "07_tinyllama/train/run_kernels.h"
#include "07_tinyllama/train/session.h"
#include "07_tinyllama/train/signals.h"
#include "common/core/device_info.h"

namespace wb {
namespace {

void print_heading(const RunOptions& options, const Session& session, std::ostream& out) {
  const ModelConfig& c = options.config;
  const std::int64_t tokens = static_cast<std::int64_t>(c.tokens()) * options.gradient_accumulation;
  out << fmt::format("train on {}\n", describe_device())
      << fmt::format("model: {} ({}), {:.2f}M parameters\n", options.preset, describe(c),
                     1e-6 * static_cast<double>(parameter_table(c).elements()))
      << fmt::format("data: {}; validation: {}\n", session.train_description(),
                     session.validation_description())
      << fmt::format("{} steps of {} tokens, {}, {}; kernels: {}\n", options.steps, tokens,
                     name_of(options.precision), name_of(options.optimizer), describe(session.kernels()))
      << fmt::format("roof: {:.3g} TFLOP/s in a {}x{}x{} product, {:.3g} GB/s in a copy{}\n",
                     1e-12 * session.roofs().flops, session.roofs().matmul_size, session.roofs().matmul_size,
                     session.roofs().matmul_size, 1e-9 * session.roofs().bytes_per_second,
                     device_is_cpu() ? " (of the CPU device)" : "")
      << std::flush;
}

}  // namespace

int run_training(const RunOptions& options, std::ostream& out, std::ostream& err, bool terminal) {
  Session session(options, ProgressLine(err, terminal));
  print_heading(options, session, out);
  if (options.resume) out << fmt::format("resumed at step {}\n", session.steps_done()) << std::flush;
  const StopSignals signals;
  const Session::End end = session.train();
  switch (end) {
    case Session::End::kNotFinite:
      err << "train: " << session.not_finite_message() << '\n';
      return 1;
    case Session::End::kInterrupted:
      out << fmt::format(
          "Interrupted after step {}; the checkpoint of it is written. Go on with --resume {}\n",
          session.steps_done(), options.output.string());
      return kInterrupted;
    case Session::End::kDone:
      out << session.summary();
      return 0;
  }
  return 1;
}

int train_main(int argc, const char* const* argv, std::ostream& out, std::ostream& err, bool terminal) {
  try {
    std::string answer;
    const auto options = parse_run_options(argc, argv, answer);
    if (!options) {
      out << answer;
      return 0;
    }
    const RunOptions chosen = as_input([&] {
      require_memory(*options);  // before kernels are measured at its shapes, which takes seconds
      require_files(*options);
      return with_kernels(*options, out);
    });
    return run_training(chosen, out, err, terminal);
  } catch (const RunUsageError& error) {
    err << "train: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    err << "train: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace wb
