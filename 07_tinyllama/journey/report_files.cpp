// The journey for programs: journey.json and the profiles.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "07_tinyllama/journey/observe.h"
#include "07_tinyllama/journey/report.h"
#include "common/core/device_info.h"
#include "common/core/results.h"

namespace wb {
namespace {

using nlohmann::json;

std::string profile_name(const Stage& stage) {
  return fmt::format("profile_stage_{}.csv", stage.key);
}

json profile_json(const StageResult& result) {
  if (!result.profile) return nullptr;
  const StageProfile& profile = *result.profile;
  json kernels = json::array();
  for (const KernelTotal& total : profile.totals) {
    kernels.push_back({{"kernel", total.name},
                       {"calls", total.calls},
                       {"total_ms", total.total_ms},
                       {"mean_us", total.mean_us},
                       {"percent", total.percent}});
  }
  return {{"steps", profile.steps},
          {"launches_per_step", profile.launches_per_step},
          {"kernel_ms", profile.kernel_ms},
          {"attention_ms", profile.attention_ms},
          {"attention_ms_low", profile.attention_ms_low},
          {"repeat_kv_ms", profile.repeat_kv_ms},
          {"csv", profile_name(result.stage)},
          {"kernels", kernels}};
}

json gradient_json(const GradientCoverage& coverage) {
  return {{"tensors", coverage.tensors},       {"covered_tensors", coverage.covered_tensors},
          {"elements", coverage.elements},     {"covered_elements", coverage.covered_elements},
          {"not_finite", coverage.not_finite}, {"missing", coverage.missing}};
}

json stage_json(const JourneyReport& report, const StageResult& result) {
  const auto speedup = speedup_over_v1(report.stages, result);
  return {
      {"stage", result.stage.key},
      {"title", result.stage.title},
      {"components",
       {{"init", name_of(result.stage.init)},
        {"kv_layout", name_of(result.stage.kv_layout)},
        {"timer", result.stage.timer},
        {"kernels", result.kernels},
        {"attention", result.attention}}},
      {"loss", {{"first", result.losses.front()}, {"last", result.losses.back()}, {"steps", result.losses}}},
      {"measured",
       {{"step_ms", result.step_ms},
        {"step_ms_p10", result.step_ms_low},
        {"step_ms_p90", result.step_ms_high},
        {"spread", result.spread()},
        {"rounds_ms", result.round_ms},
        {"timed_steps", result.timed_steps},
        {"samples_per_second", result.samples_per_second},
        {"loss_read_ms", result.loss_read_ms}}},
      {"timer",
       {{"forward_ms", result.phases.forward},
        {"backward_ms", result.phases.backward},
        {"optimizer_ms", result.phases.optimizer},
        {"sum_ms", result.phases.sum()},
        {"share_of_step", result.phase_share}}},
      {"peak_memory_bytes", result.peak_bytes},
      {"gradients", gradient_json(result.coverage)},
      {"profile", profile_json(result)},
      {"speedup_over_v1", speedup ? json(*speedup) : json(nullptr)},
      {"observation", observation(report.stages, result, std::log(report.options.config.v))},
  };
}

}  // namespace

json results_body(const JourneyReport& report) {
  const JourneyOptions& options = report.options;
  const ModelConfig& c = options.config;
  json stages = json::array();
  for (const StageResult& result : report.stages) stages.push_back(stage_json(report, result));
  json body = {
      {"preset", options.preset},
      {"description", describe(c)},
      {"config",
       {{"c", c.c}, {"l", c.l}, {"h", c.h}, {"k", c.k}, {"f", c.f}, {"v", c.v}, {"b", c.b}, {"t", c.t}}},
      {"parameters", parameter_table(c).elements()},
      {"precision", "fp32"},
      {"steps", options.steps},
      {"seed", options.seed},
      {"learning_rate", options.learning_rate},
      {"kernels", options.kernels},
      {"data", report.data},
      {"uniform_loss", std::log(c.v)},
      {"timings_of", device_is_cpu() ? "cpu" : "gpu"},
      {"rounds",
       {{"count", report.rounds.rounds},
        {"trainers", report.rounds.all_alive ? "all alive" : "rebuilt"},
        {"other_cores", report.rounds.other_cores ? json(*report.rounds.other_cores) : json(nullptr)},
        {"busy", was_busy(report)}}},
      {"attention", report.attention ? json(*report.attention) : json(nullptr)},
      {"stages", stages},
      {"text", nullptr},
  };
  if (report.text) {
    body["text"] = {{"data", report.text->description},
                    {"seconds", report.text->seconds},
                    {"loss",
                     {{"first", report.text->losses.front()},
                      {"last", report.text->losses.back()},
                      {"steps", report.text->losses}}}};
  }
  return body;
}

std::vector<std::filesystem::path> write_report(const JourneyReport& report) {
  const std::filesystem::path& folder = report.options.results;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error(fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  std::vector<std::filesystem::path> written;
  for (const StageResult& result : report.stages) {
    if (!result.profile) continue;
    written.push_back(folder / profile_name(result.stage));
    write_profile_csv(written.back(), result.profile->totals);
  }
  written.push_back(folder / "journey.json");
  write_results(written.back(), "journey", results_body(report));
  return written;
}

}  // namespace wb
