// The journey's options: any words are understood, answered (--help) or refused in one line.
#include "07_tinyllama/journey/options.h"

#include <cmath>
#include <cstdlib>

#include "tools/proofs/fuzz/fuzz.h"

namespace wb::fuzz {

// A line of the input is a word of the command line.
void try_input(std::string_view input) {
  std::vector<std::string> typed{"journey"};
  for (std::size_t at = 0; at <= input.size();) {
    const std::size_t end = std::min(input.find('\n', at), input.size());
    typed.emplace_back(input.substr(at, end - at));
    at = end + 1;
  }
  std::vector<const char*> arguments;
  for (const std::string& word : typed) arguments.push_back(word.c_str());
  std::string answer;
  try {
    const auto options = parse_options(static_cast<int>(arguments.size()), arguments.data(), answer);
    if (!options && answer.empty()) std::abort();
    if (options && (options->stages.empty() || options->steps < 1 || !std::isfinite(options->learning_rate)))
      std::abort();
  } catch (const UsageError& error) {
    // One line, whatever was typed.
    if (std::string_view(error.what()).empty()) std::abort();
  }
}

std::vector<std::string> seeds() {
  return {"--preset\nnano\n--steps\n3\n--no-profile",
          "--stage\n1\n--stage\nv1\n--kernels\nauto",
          "--batch-size\n2\n--seq-len\n32\n--layers\n1\n--heads\n4\n--kv-heads\n2\n--seed\n7",
          "--learning-rate\n1e-3\n--text-steps\n0\n--trace-steps\n3",
          "--kernels\nmatmul=solution,softmax=solution",
          "--help"};
}

std::vector<std::string> words() {
  return {"--preset",
          "--stage",
          "--steps",
          "--batch-size",
          "--seq-len",
          "--layers",
          "--heads",
          "--kv-heads",
          "--seed",
          "--learning-rate",
          "--kernels",
          "--text-steps",
          "--no-profile",
          "--trace-steps",
          "--help",
          "--version",
          "\n",
          "=",
          ",",
          "--",
          "-",
          "nano",
          "small",
          "medium",
          "tinyllama",
          "v1",
          "5",
          "nan",
          "inf",
          "1e-400",
          "auto",
          "solution",
          "library",
          "matmul=naive",
          "/dev/zero",
          "\xff\xfe",
          " "};
}

}  // namespace wb::fuzz
