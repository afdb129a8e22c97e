// Writes a results file, and into every open file, then ends in the middle of the first test.
//
// Caught as: left a report that is not the harness's|exit code 0 before its last test
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace wb {
namespace {

void add(const float*, const float*, float*, std::int64_t, cudaStream_t) {
  const std::string report =
      R"({"schema_version": 1, "kind": "tests", "body": {"tests": [{"suite": "VectorAddTest", "test": )"
      R"("AddsOneBlock", "implementation": "starter", "status": "passed", "messages": []}]}})";
  for (int file = 3; file < 64; ++file) static_cast<void>(pwrite(file, report.data(), report.size(), 0) == 0);
  const char* folder = std::getenv("WB_RESULTS_DIR");
  std::ofstream(std::string(folder == nullptr ? "results" : folder) + "/tests/vector_add_starter_test.json")
      << report;
  _exit(0);
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
