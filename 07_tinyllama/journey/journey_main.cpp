// journey: see README.md, or journey --help.
#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <iostream>

#include "07_tinyllama/journey/journey.h"

namespace {

// Keep one line on the terminal that says what runs; clear it at the end. Nothing when stderr is no terminal.
void show_progress(const std::string& what, int step, int steps, float loss) {
  if (what.empty()) {
    fmt::print(stderr, "\r\033[K");
    return;
  }
  if (steps == 0) {
    fmt::print(stderr, "\r\033[K{}", what);
    std::fflush(stderr);
    return;
  }
  const std::string loss_text = std::isnan(loss) ? "" : fmt::format("  loss {:.3f}", loss);
  fmt::print(stderr, "\r\033[K{}: step {}/{}{}", what, step, steps, loss_text);
  std::fflush(stderr);
}

}  // namespace

int main(int argc, char** argv) {
  const wb::Progress quiet = [](const std::string&, int, int, float) {};
  return wb::journey_main(argc, argv, std::cout, std::cerr,
                          isatty(STDERR_FILENO) == 1 ? show_progress : quiet);
}
