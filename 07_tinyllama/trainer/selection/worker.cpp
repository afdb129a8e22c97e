#include "07_tinyllama/trainer/selection/worker.h"

#include <sys/prctl.h>

#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/selection/measure.h"
#include "07_tinyllama/trainer/selection/parity.h"
#include "07_tinyllama/trainer/selection/setting_json.h"
#include "07_tinyllama/trainer/selection/worker_process.h"

namespace wb {
namespace {

using nlohmann::json;

bool g_asked = false;

json measured(const json& task) {
  const auto setting = task.at("setting").get<Setting>();
  const std::vector<Unit> units = units_of(setting, task.at("product").get<std::string>());
  MeasureOptions options;
  task.at("rounds").get_to(options.rounds);
  task.at("round_seconds").get_to(options.round_seconds);
  task.at("hopeless").get_to(options.hopeless);
  task.at("give_up").get_to(options.give_up);
  task.at("seed").get_to(options.seed);
  options.graph = setting.graph;
  const auto known = task.at("known").get<UnitReport>().measured;
  return measure_unit(units.at(task.at("unit").get<std::size_t>()), known, options,
                      [](const std::string& name) {
                        worker_send(json{{"working", name}}.dump());
                      });
}

json parity(const json& task) {
  const auto setting = task.at("setting").get<Setting>();
  const auto options = task.at("options").get<ParityOptions>();
  try {
    return check_parity(setting, task.at("request").get<std::string>(),
                        task.at("reference").get<std::string>(), options);
  } catch (const std::exception& error) {
    Parity failed;
    failed.failure = error.what();
    return failed;
  }
}

// Whatever a kernel's own error holds, the line is valid.
void send(const json& message) {
  worker_send(message.dump(-1, ' ', false, json::error_handler_t::replace));
}

json answer(const json& task) {
  return task.at("task") == "parity" ? parity(task) : measured(task);
}

}  // namespace

bool is_worker(int argc, const char* const* argv) {
  g_asked = true;
  return argc == 2 && std::strcmp(argv[1], kWorkerArgument) == 0;
}

bool has_worker() {
  return g_asked;
}

int worker_main() {
  // Ctrl-C is the parent's to answer; and when the parent is gone, however it went, nobody waits for a
  // result.
  std::signal(SIGINT, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string line;
  while (worker_receive(line)) {
    try {
      send({{"result", answer(json::parse(line))}});
    } catch (const DeviceLost& lost) {
      send({{"lost", lost.implementation()}, {"message", lost.what()}});
      return 0;
    } catch (const std::exception& error) {
      send({{"error", error.what()}});
    }
  }
  return 0;
}

}  // namespace wb
