// The CPU device has no roofs.
#include "common/harness/bench_roofs.h"

namespace wb::detail {

double measure_bf16_product() {
  return 0;
}

}  // namespace wb::detail
