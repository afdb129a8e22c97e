// The trainer's own contiguous layout, 07_tinyllama/trainer/kv_contiguous.cpp. See fix_kv_layout.md.
#include "07_tinyllama/fixits/fix_kv_layout.h"
#include "07_tinyllama/trainer/kv_contiguous.h"
#include "common/core/registry.h"

namespace wb {

WB_REGISTER(MakeKvPath, solution, [](const ModelConfig& config) -> std::unique_ptr<KvPath<float>> {
  return std::make_unique<KvContiguous<float>>(config);
});

}  // namespace wb
