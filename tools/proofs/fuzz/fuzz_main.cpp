// main() of every fuzz target: inputs made of the seeds by random changes, for some seconds.
//
//   translator_fuzz --seconds 1800
//
// Input number I of seed S is always the same: a finding prints both, and `--seed S --only I` tries it again.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>

#include "common/core/rng.h"
#include "tools/proofs/fuzz/fuzz.h"

namespace {

using wb::Rng;

constexpr unsigned kSecondsPerInput = 10;
constexpr std::size_t kLongest = 1 << 16;

std::uint64_t g_seed = 1;
volatile std::uint64_t g_number = 0;
const char* g_program = "";

// From a signal handler as well: no allocation.
void report() {
  char line[512];
  const int size = std::snprintf(
      line, sizeof line, "\nfinding: input %llu of seed %llu; again: %s --seed %llu --only %llu\n",
      static_cast<unsigned long long>(g_number), static_cast<unsigned long long>(g_seed), g_program,
      static_cast<unsigned long long>(g_seed), static_cast<unsigned long long>(g_number));
  if (size > 0) static_cast<void>(!write(STDERR_FILENO, line, static_cast<std::size_t>(size)));
}

void on_signal(int number) {
  report();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

std::size_t place(Rng& rng, const std::string& text) {
  return static_cast<std::size_t>(rng.below(text.size() + 1));
}

std::string piece(Rng& rng, const std::string& text) {
  const std::size_t at = place(rng, text);
  return text.substr(at, static_cast<std::size_t>(rng.below(64) + 1));
}

// One change of one of the kinds that parsers trip over.
void change(Rng& rng, std::string& text, const std::vector<std::string>& seeds,
            const std::vector<std::string>& words) {
  static const char* const kNumbers[] = {"0",     "-1", "9223372036854775807", "18446744073709551616",
                                         "1e999", "00", "4294967296"};
  switch (rng.below(8)) {
    case 0:
      if (!text.empty())
        text[static_cast<std::size_t>(rng.below(text.size()))] = static_cast<char>(rng.below(256));
      break;
    case 1:
      text.insert(place(rng, text), 1, static_cast<char>(rng.below(256)));
      break;
    case 2:
      text.erase(place(rng, text), static_cast<std::size_t>(rng.below(32) + 1));
      break;
    case 3:
      text.insert(place(rng, text), piece(rng, text));
      break;
    case 4:
      text.insert(place(rng, text), words[static_cast<std::size_t>(rng.below(words.size()))]);
      break;
    case 5:
      text.insert(place(rng, text), kNumbers[rng.below(std::size(kNumbers))]);
      break;
    case 6:
      text.insert(place(rng, text), piece(rng, seeds[static_cast<std::size_t>(rng.below(seeds.size()))]));
      break;
    default:
      text.resize(place(rng, text));
  }
  if (text.size() > kLongest) text.resize(kLongest);
}

std::string make_input(std::uint64_t number, const std::vector<std::string>& seeds,
                       const std::vector<std::string>& words) {
  Rng rng(g_seed * 0x9e3779b97f4a7c15ULL + number);
  std::string text = seeds[static_cast<std::size_t>(rng.below(seeds.size()))];
  for (std::uint64_t changes = rng.below(12) + 1; changes != 0; --changes) change(rng, text, seeds, words);
  return text;
}

}  // namespace

// An address sanitizer calls this before it ends the program.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

int main(int argc, char** argv) {
  double seconds = 3;
  std::uint64_t only = 0;
  std::string save;
  CLI::App app("Feeds a parser with damaged inputs.");
  app.add_option("--seconds", seconds, "how long")->check(CLI::Range(0.1, 1e6))->capture_default_str();
  app.add_option("--seed", g_seed, "which inputs")->capture_default_str();
  const auto* one = app.add_option("--only", only, "try this input alone");
  app.add_option("--save", save, "write that input to this file");
  CLI11_PARSE(app, argc, argv);

  g_program = argv[0];
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM}) std::signal(signal, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(report);
  const std::vector<std::string> seeds = wb::fuzz::seeds(), words = wb::fuzz::words();
  if (seeds.empty() || words.empty()) {
    std::fprintf(stderr, "error: there are no inputs to start from; run it in the repository's root\n");
    return 2;
  }

  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (std::uint64_t number = one->count() != 0 ? only : 1;; ++number) {
    g_number = number;
    const std::string input = make_input(g_number, seeds, words);
    if (!save.empty()) std::ofstream(save, std::ios::binary) << input;
    alarm(kSecondsPerInput);
    try {
      wb::fuzz::try_input(input);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "an exception that was not promised: %s", error.what());
      report();
      return 1;
    }
    if (one->count() != 0 || elapsed() > seconds) break;
  }
  alarm(0);
  std::printf("%llu inputs of seed %llu, no finding (%.1f s)\n", static_cast<unsigned long long>(g_number),
              static_cast<unsigned long long>(g_seed), elapsed());
  return 0;
}
