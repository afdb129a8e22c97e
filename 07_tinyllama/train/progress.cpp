#include "07_tinyllama/train/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace wb {
namespace {

constexpr int kBarWidth = 20;
constexpr double kPlainSeconds = 10.0;     // between lines where there is no terminal
constexpr double kTerminalSeconds = 0.05;  // between drawings where there is one
constexpr const char* kClearLine = "\r\033[K";

int columns() {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

std::string bar(int step, int steps) {
  const auto full = static_cast<int>(static_cast<std::int64_t>(kBarWidth) * step / std::max(1, steps));
  return std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(kBarWidth - full), '.');
}

std::string speed(double tokens_per_second) {
  if (tokens_per_second >= 1e6) return fmt::format("{:.2f}M", 1e-6 * tokens_per_second);
  if (tokens_per_second >= 1e4) return fmt::format("{:.0f}k", 1e-3 * tokens_per_second);
  return fmt::format("{:.0f}", tokens_per_second);
}

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(std::llround(std::max(0.0, seconds)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string describe(const Standing& standing) {
  std::string text = std::isnan(standing.loss) ? "loss -" : fmt::format("loss {:.4f}", standing.loss);
  if (standing.validation_loss) text += fmt::format("  validation {:.4f}", *standing.validation_loss);
  if (standing.tokens_per_second > 0.0) {
    text += fmt::format("  {} tokens/s  MFU {:.1f}%  of the roof {:.1f}%", speed(standing.tokens_per_second),
                        100.0 * standing.mfu, 100.0 * standing.roof_share);
  }
  text += fmt::format("  lr {:.2e}", standing.learning_rate);
  if (standing.step < standing.steps && standing.tokens_per_second > 0.0)
    text += fmt::format("  {} left", clock_text(standing.seconds_left));
  return text;
}

void ProgressLine::show(const Standing& standing) {
  const std::chrono::duration<double> since = Clock::now() - last_;
  if (since.count() < (terminal_ ? kTerminalSeconds : kPlainSeconds)) return;
  last_ = Clock::now();
  const std::string text = fmt::format("step {}/{}  {}", standing.step, standing.steps, describe(standing));
  if (!terminal_) {
    out_ << text << '\n' << std::flush;
    return;
  }
  const std::string line = fmt::format("[{}] {}", bar(standing.step, standing.steps), text);
  // A line that wraps would not be cleared.
  out_ << kClearLine << line.substr(0, static_cast<std::size_t>(std::max(1, columns() - 1))) << std::flush;
}

void ProgressLine::keep(const std::string& line) {
  out_ << (terminal_ ? kClearLine : "") << line << '\n' << std::flush;
  last_ = Clock::now() - std::chrono::seconds(terminal_ ? 1 : 0);
}

void ProgressLine::clear() {
  if (terminal_) out_ << kClearLine << std::flush;
}

}  // namespace wb
