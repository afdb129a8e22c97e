#include "07_tinyllama/trainer/kv_layout.h"

#include "07_tinyllama/trainer/kv_contiguous.h"
#include "07_tinyllama/trainer/kv_strided_view.h"

namespace wb {

std::string_view name_of(KvLayout layout) {
  return layout == KvLayout::kStridedView ? "strided view" : "contiguous";
}

std::unique_ptr<KvPath> make_kv_path(KvLayout layout, const ModelConfig& config) {
  if (layout == KvLayout::kStridedView) return std::make_unique<KvStridedView>(config);
  return std::make_unique<KvContiguous>(config);
}

}  // namespace wb
