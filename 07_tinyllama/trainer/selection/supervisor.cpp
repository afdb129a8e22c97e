#include "07_tinyllama/trainer/selection/supervisor.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/selection/setting_json.h"
#include "common/core/device_info.h"

namespace wb {

using nlohmann::json;

struct Supervisor::Answer {
  json result;          // null when the worker did not live to give one
  std::string at_work;  // the implementation that was called last
  Verdict verdict = Verdict::kCrashed;
  std::string message;
};

std::chrono::milliseconds default_limit() {
  return std::chrono::seconds(device_is_cpu() ? 120 : 30);
}

Supervisor::Supervisor(std::filesystem::path program, std::chrono::milliseconds limit)
    : program_(std::move(program)), limit_(limit) {}

Supervisor::Answer Supervisor::ask(const std::string& task) {
  if (worker_ == nullptr) worker_ = std::make_unique<WorkerProcess>(program_);
  worker_->send(task);
  Answer answer;
  std::string line;
  while (true) {
    const WorkerProcess::Received received = worker_->receive(line, limit_);
    if (received == WorkerProcess::Received::kNothing) {
      worker_.reset();
      answer.verdict = Verdict::kHung;
      answer.message = fmt::format("no end after {:.3g} s", std::chrono::duration<double>(limit_).count());
      return answer;
    }
    if (received == WorkerProcess::Received::kEnded) {
      answer.message = fmt::format("its process ended with {}", worker_->finish());
      worker_.reset();
      return answer;
    }
    const json message = json::parse(line);
    if (message.contains("working")) {
      answer.at_work = message.at("working");
    } else if (message.contains("lost")) {
      // The worker's device is of no use any more; the next task gets a new one.
      worker_.reset();
      answer.at_work = message.at("lost");
      answer.verdict = Verdict::kFailed;
      answer.message = message.at("message");
      return answer;
    } else if (message.contains("error")) {
      throw Error(message.at("error").get<std::string>());
    } else {
      answer.result = message.at("result");
      return answer;
    }
  }
}

UnitReport Supervisor::measure(const Setting& setting, std::size_t index, const std::string& product,
                               const MeasureOptions& options, std::vector<Measured> known) {
  while (true) {
    UnitReport settled{
        .unit = {}, .contracts = {}, .requests = {}, .shape = {}, .measured = known, .chosen = {}};
    const json task = {{"task", "measure"},
                       {"setting", setting},
                       {"unit", index},
                       {"product", product},
                       {"known", settled},
                       {"rounds", options.rounds},
                       {"round_seconds", options.round_seconds},
                       {"hopeless", options.hopeless},
                       {"give_up", options.give_up},
                       {"seed", options.seed}};
    const Answer answer = ask(task.dump());
    if (!answer.result.is_null()) return answer.result.get<UnitReport>();
    // Nobody was at work: it was the reference, or the process did not even start to compute.
    if (answer.at_work.empty()) {
      throw Error(fmt::format("the measuring process gave no answer: {}", answer.message));
    }
    known.push_back({.implementation = answer.at_work,
                     .verdict = answer.verdict,
                     .message = answer.message,
                     .phase_seconds = {}});
  }
}

Parity Supervisor::parity(const Setting& setting, const std::string& request, const std::string& reference,
                          const ParityOptions& options) {
  const json task = {{"task", "parity"},
                     {"setting", setting},
                     {"request", request},
                     {"reference", reference},
                     {"options", options}};
  // A kernel that only a whole model provokes may leave its device unusable: nothing else runs in that
  // process.
  worker_.reset();
  const Answer answer = ask(task.dump());
  worker_.reset();
  if (!answer.result.is_null()) return answer.result.get<Parity>();
  Parity parity;
  parity.failure = answer.message;
  return parity;
}

}  // namespace wb
