#include "common/harness/inspection.h"

#include <cuda_runtime.h>

#include <string>

#include "simt/inspection.h"

namespace wb::detail {
namespace {

class FindingsFail : public testing::EmptyTestEventListener {
 public:
  void OnTestEnd(const testing::TestInfo&) override {
    // The code is the test's business, not this one's.
    static_cast<void>(cudaDeviceSynchronize());
    for (const std::string& finding : simt::take_findings()) ADD_FAILURE() << finding;
  }
};

}  // namespace

bool inspected() {
  return simt::inspected();
}
void declare_unwritten(void* pointer, std::size_t bytes) {
  simt::declare_unwritten(pointer, bytes);
}
void declare_forbidden(void* pointer, std::size_t bytes) {
  simt::declare_forbidden(pointer, bytes);
}
std::unique_ptr<testing::TestEventListener> make_findings_fail() {
  return std::make_unique<FindingsFail>();
}

}  // namespace wb::detail
