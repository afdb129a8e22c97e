#include "common/harness/inspection.h"

#include <cuda_runtime.h>

#include <nlohmann/json.hpp>
#include <string>

#include "simt/inspection.h"
#include "simt/metering.h"

namespace wb::detail {
namespace {

nlohmann::json& findings() {
  static nlohmann::json list = nlohmann::json::array();
  return list;
}

bool smaller_sizes = false;

class FindingsFail : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo&) override { smaller_sizes = false; }
  void OnTestEnd(const testing::TestInfo&) override {
    // The test itself looks at the error code.
    static_cast<void>(cudaDeviceSynchronize());
    findings() = nlohmann::json::array();
    for (const std::string& document : simt::take_findings()) {
      findings().push_back(nlohmann::json::parse(document));
      ADD_FAILURE_AT("", 0) << findings().back()["text"].get<std::string>();
    }
  }
};

}  // namespace

bool inspected() {
  return simt::inspected() && !simt::metered();
}
void declare_unwritten(void* pointer, std::size_t bytes) {
  simt::declare_unwritten(pointer, bytes);
}
void declare_forbidden(void* pointer, std::size_t bytes) {
  simt::declare_forbidden(pointer, bytes);
}
const nlohmann::json& findings_of_test() {
  return findings();
}
std::unique_ptr<testing::TestEventListener> make_findings_fail() {
  return std::make_unique<FindingsFail>();
}
void note_smaller_sizes() {
  smaller_sizes = true;
}
bool took_smaller_sizes() {
  return smaller_sizes;
}

}  // namespace wb::detail
