#include "07_tinyllama/journey/journey.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "07_tinyllama/journey/fastest_attention.h"
#include "07_tinyllama/journey/trace_stages.h"
#include "common/core/check.h"

namespace wb {
namespace {

std::string file_list(const std::vector<std::filesystem::path>& paths) {
  std::string text;
  for (const auto& path : paths) text += (text.empty() ? "" : ", ") + path.string();
  return text;
}

int run(const JourneyOptions& options, std::ostream& out, std::ostream& err, const Progress& progress) {
  out << heading(options, data_description(options)) << '\n' << std::flush;
  if (options.profile && !Profiler::unavailable().empty()) {
    err << "journey: no kernel counts and profiles: " << Profiler::unavailable() << '\n';
  }
  const JourneyReport report = run_journey(options, progress);
  out << table(report);
  if (report.text) out << '\n' << text_table(*report.text, std::log(options.config.v));
  std::vector<std::filesystem::path> written = write_report(report);
  if (!options.trace_file.empty()) {
    // Last, for the same reason as profiles; and what was measured is safe by now.
    const TraceCounts counts = trace_stages(report.options, progress);
    progress("", 0, 0, std::nanf(""));
    written.push_back(options.trace_file);
    out << fmt::format("\nTrace: {}; open {} in ui.perfetto.dev\n", describe(counts),
                       options.trace_file.string());
  }
  out << "\nWritten: " << file_list(written) << '\n' << std::flush;
  return 0;
}

}  // namespace

JourneyReport run_journey(const JourneyOptions& options, const Progress& progress) {
  JourneyReport report;
  report.options = options;
  report.data = data_description(options);
  const auto is_open = [](const Stage& stage) { return stage.fastest_attention; };
  if (std::any_of(options.stages.begin(), options.stages.end(), is_open)) {
    report.attention = measure_attention(options, progress);
    report.options.fastest_attention = report.attention->chosen;
  }
  report.stages = measure_stages(report.options, progress, report.rounds);
  // Profiles come after all timing: a profiler that was attached once may slow what follows.
  if (options.profile && Profiler::unavailable().empty()) {
    for (StageResult& result : report.stages) {
      result.profile = profile_stage(report.options, result.stage, progress);
    }
  }
  if (!options.text_files.empty()) report.text = train_on_text(options, progress);
  progress("", 0, 0, std::nanf(""));
  return report;
}

int journey_main(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                 const Progress& progress) {
  try {
    std::string answer;
    const auto options = parse_options(argc, argv, answer);
    if (!options) {
      out << answer;
      return 0;
    }
    return run(*options, out, err, progress);
  } catch (const UsageError& error) {
    err << "journey: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    progress("", 0, 0, std::nanf(""));
    err << "journey: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace wb
