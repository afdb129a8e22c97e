// Not instrumented, as a test program's own code is not: most of a test's time would be the reading of its
// report.
#include "ladder.h"

#include "instrumented/line_table.h"

namespace ladder {

static const simt::instrumented::LineTable line_table;  // one for all tests

nlohmann::json kernel(const std::string& name) {
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const auto document = nlohmann::json::parse(simt::meter::report());
  for (const auto& found : document["kernels"]) {
    if (found["name"] == name) return found;
  }
  ADD_FAILURE() << "no kernel " << name << " in " << document.dump(1);
  return {};
}

}  // namespace ladder
