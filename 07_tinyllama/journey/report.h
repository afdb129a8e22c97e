// The journey's table, its sentences and its results files.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/journey/measure.h"
#include "07_tinyllama/trainer/selection/report.h"

namespace wb {

/// Everything one run of the journey measured.
struct JourneyReport {
  JourneyOptions options;
  std::string data;  // what the stages trained on
  std::vector<StageResult> stages;
  RoundsResult rounds;
  std::optional<UnitReport> attention;  // every attention at this shape, when V4 is among the stages
  std::optional<TextResult> text;
};

/// What runs, on what, on which data: before the measuring starts.
std::string heading(const JourneyOptions& options, const std::string& data);
/// Whether the machine did so much else that figures are to be doubted: on the CPU device other programs kept
/// a quarter of a processor busy, or a stage's rounds are a fifth apart.
bool was_busy(const JourneyReport& report);
/// One line per stage, how it was measured, and one sentence per stage below that.
std::string table(const JourneyReport& report);
/// Loss over the steps of the training on text.
std::string text_table(const TextResult& text, double uniform_loss);

/// The body of journey.json; docs/results_schema.md describes it.
nlohmann::json results_body(const JourneyReport& report);
/// journey.json and one profile_stage_KEY.csv a stage, in options.results. Returns the paths.
/// Errors: a folder or file that cannot be written throws wb::Error.
std::vector<std::filesystem::path> write_report(const JourneyReport& report);

}  // namespace wb
