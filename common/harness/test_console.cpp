// The console side of test_report.h.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/device_info.h"
#include "common/harness/test_report.h"
#include "common/harness/verdict.h"

namespace wb::detail {
namespace {

std::string base_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

// The text between `open` and `close`; empty if they are not there.
std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
  const std::size_t start = text.find(open);
  if (start == std::string_view::npos) return {};
  const std::size_t end = text.rfind(close);
  if (end == std::string_view::npos || end < start + open.size()) return {};
  return text.substr(start + open.size(), end - start - open.size());
}

bool is_name(std::string_view text) {
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char letter) { return std::isalnum(letter) != 0 || letter == '_'; });
}

// "wb::matches(out.download(), oracle, {1e-6, 1e-5})" compares "out", and so do "p.out.matches(oracle, ...)"
// and "matches(to_float(got.out), ...)". Empty where an expression names no array.
std::string compared_array(std::string_view expression) {
  const std::size_t call = expression.find("matches(");
  if (call == std::string_view::npos) return "";
  std::string_view array = expression.substr(0, call == 0 ? 0 : call - 1);
  if (call == 0 || expression[call - 1] != '.') {
    const std::string_view rest = expression.substr(call + 8);
    int depth = 0;
    std::size_t end = 0;
    for (; end < rest.size() && !(depth == 0 && rest[end] == ','); ++end) {
      depth += (rest[end] == '(' || rest[end] == '{') - (rest[end] == ')' || rest[end] == '}');
    }
    array = rest.substr(0, end);
    array = array.substr(0, array.find(".download()"));
  }
  array = array.substr(0, array.find_last_not_of(')') + 1);
  array = array.substr(array.find_last_of(".( :") + 1);
  return is_name(array) ? std::string(array) : "";
}

// The lines that a test adds to a comparison. If the first line is one word, or "the" and a few words, it is
// the lesson's name of the array, which is printed once, in front.
std::string with_names(std::string label, std::string_view explained, std::string_view added) {
  std::string words;
  for (bool first = true; !added.empty();) {
    const std::string_view line = added.substr(0, added.find('\n'));
    added.remove_prefix(std::min(added.size(), line.size() + 1));
    if (line.empty()) continue;
    const bool names =
        is_name(line) || (line.starts_with("the ") && line.find_first_of(".,:;?") == line.npos);
    if (first && names && line != label) {
      label = (label.empty() || label == "got" ? "" : label + ", ") + std::string(line);
    } else if (line != label) {
      words += "\n" + std::string(line);
    }
    first = false;
  }
  return fmt::format("{}{}{}{}", label, label.empty() ? "" : ": ", explained, words);
}

// EXPECT_TRUE(condition) << words: the words, which explain more than the condition's source.
std::string words_after_condition(std::string_view text) {
  constexpr std::string_view kFalse = "\n  Actual: false\nExpected: true\n";
  const std::size_t at = text.find(kFalse);
  if (!text.starts_with("Value of: ") || at == std::string_view::npos) return "";
  return std::string(text.substr(at + kFalse.size()));
}

std::string indent(std::string_view text) {
  std::string indented = "    ";
  for (const char letter : text) {
    indented += letter;
    if (letter == '\n') indented += "    ";
  }
  return indented;
}

// Traces follow the message as lines "path:line: text"; only the text is shown.
std::vector<std::string> take_traces(std::string& message) {
  constexpr std::string_view kHeading = "\nGoogle Test trace:\n";
  std::vector<std::string> traces;
  const std::size_t start = message.find(kHeading);
  if (start == std::string::npos) return traces;
  std::string_view rest = std::string_view(message).substr(start + kHeading.size());
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const std::size_t text = line.find(": ");
    traces.insert(traces.begin(), std::string(text == std::string_view::npos ? line : line.substr(text + 2)));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  message.resize(start);
  return traces;
}

// The place of a CUDA error, if the device reports it, and its likely cause in the kernel.
std::string advice_for_error(std::string_view text) {
  if (text.find("cudaError") == std::string_view::npos) return "";
  const std::string told = device_explanation();
  const std::string where = told.empty() ? "" : "\n  where: " + told;
  // The message already has a better explanation.
  if (text.find("32-bit index") != std::string_view::npos ||
      told.find("shared memory") != std::string::npos || told.find("was not launched") != std::string::npos) {
    return where;
  }
  static constexpr std::pair<std::string_view, std::string_view> kAdvice[] = {
      {"cudaErrorInvalidConfiguration",
       "an empty grid (0 blocks), over 65535 blocks in y or z, over 1024 threads in a block, or too much "
       "shared memory"},
      {"cudaErrorIllegalAddress",
       "a kernel touched memory that is not its own: a missing bounds guard, or a host pointer"},
      {"cudaErrorMisalignedAddress",
       "a float4 or float2 access at an address that is no multiple of its size"},
      {"cudaErrorLaunchOutOfResources", "too many registers for so many threads in a block"},
  };
  for (const auto& [error, advice] : kAdvice) {
    if (text.find(error) != std::string_view::npos) return fmt::format("{}\n  what:  {}", where, advice);
  }
  return where;
}

class ConsoleReport : public testing::EmptyTestEventListener {
 public:
  void OnTestSuiteStart(const testing::TestSuite& suite) override {
    fmt::print("{}\n", suite.name());
    for (int i = 0; i < suite.total_test_count(); ++i) {
      if (suite.GetTestInfo(i)->should_run()) width_ = std::max(width_, title(*suite.GetTestInfo(i)).size());
    }
  }

  void OnTestStart(const testing::TestInfo& test) override {
    // Print the name before the test runs: after a crash, the last line on the screen names the test.
    fmt::print("  {:<{}} {}", title(test), width_, judged_ ? "\x02" : "");
    std::fflush(stdout);
  }

  void OnTestEnd(const testing::TestInfo& test) override {
    const testing::TestResult& result = *test.result();
    if (judged_) fmt::print("\x03");
    const std::string seconds =
        result.elapsed_time() >= 1000
            ? fmt::format("  ({:.1f} s)", static_cast<double>(result.elapsed_time()) / 1e3)
            : "";
    if (result.Skipped()) {
      fmt::print("{}  {}\n", color(kYellow, "skipped"), first_message(result));
    } else if (result.Passed()) {
      fmt::print("{}{}\n", color(kGreen, "ok"), seconds);
    } else {
      fmt::print("{}{}\n", color(kRed, "FAILED"), seconds);
      print_failures(result);
    }
    std::fflush(stdout);
  }

  void OnTestProgramEnd(const testing::UnitTest& all) override {
    fmt::print("\n{} passed, {} failed, {} skipped\n", all.successful_test_count(), all.failed_test_count(),
               all.skipped_test_count());
    std::fflush(stdout);
  }

 private:
  static constexpr int kRed = 31, kGreen = 32, kYellow = 33;

  static std::string title(const testing::TestInfo& test) {
    std::string name = test.name();
    const std::size_t slash = name.find('/');
    if (slash != std::string::npos) name.replace(slash, 1, "  ");
    return name;
  }

  static std::string first_message(const testing::TestResult& result) {
    return result.total_part_count() == 0 ? "" : result.GetTestPartResult(0).message();
  }

  // The first few are enough; a loop over sizes or a wrong shared input can fail hundreds of times.
  static void print_failures(const testing::TestResult& result) {
    constexpr int kShown = 3;
    int failures = 0;
    for (int i = 0; i < result.total_part_count(); ++i) {
      const testing::TestPartResult& part = result.GetTestPartResult(i);
      if (!part.failed() || ++failures > kShown) continue;
      const std::string file = part.file_name() == nullptr ? "" : part.file_name();
      fmt::print("{}\n", indent(readable_failure(file, part.line_number(), part.message())));
    }
    if (failures > kShown) fmt::print("    ... and {} more of this test\n", failures - kShown);
  }

  std::string color(int code, std::string_view word) const {
    return terminal_ ? fmt::format("\033[{}m{}\033[0m", code, word) : std::string(word);
  }

  bool terminal_ = isatty(fileno(stdout)) != 0;
  // ./workbook check finds the output of the tested code between these two marks.
  bool judged_ = verdict_is_asked();
  std::size_t width_ = 0;
};

}  // namespace

std::string readable_failure(const std::string& file, int line, const std::string& message) {
  std::string text = message;
  const std::vector<std::string> traces = take_traces(text);
  std::string where = line > 0 ? fmt::format("{}:{}", base_name(file), line) : "";
  for (const std::string& trace : traces) where += (where.empty() ? "" : ", ") + trace;

  constexpr std::string_view kOpen = "\n  Actual: false (", kClose = ")\nExpected: true";
  const std::string_view explained = between(text, kOpen, kClose);
  const std::string_view thrown = between(text, " with description \"", "\"");
  if (text.starts_with("Value of: ") && !explained.empty()) {
    const std::string_view added = std::string_view(text).substr(text.rfind(kClose) + kClose.size());
    text = with_names(compared_array(text.substr(0, text.find(kOpen))), explained, added);
  } else if (const std::string words = words_after_condition(text); !words.empty()) {
    text = words;
  } else if (!thrown.empty()) {
    text = fmt::format("{}{}", thrown, advice_for_error(thrown));
  }
  return where.empty() ? text : where + "\n" + text;
}

std::unique_ptr<testing::TestEventListener> make_console_report() {
  return std::make_unique<ConsoleReport>();
}

}  // namespace wb::detail
