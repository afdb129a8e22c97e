#include "07_tinyllama/trainer/kv_layout.h"

#include "07_tinyllama/trainer/kv_contiguous.h"
#include "07_tinyllama/trainer/kv_strided_view.h"

namespace wb {

std::string_view name_of(KvLayout layout) {
  return layout == KvLayout::kStridedView ? "strided view" : "contiguous";
}

template <class T>
std::unique_ptr<KvPath<T>> make_kv_path(KvLayout layout, const ModelConfig& config) {
  if (layout == KvLayout::kStridedView) return std::make_unique<KvStridedView<T>>(config);
  return std::make_unique<KvContiguous<T>>(config);
}

template std::unique_ptr<KvPath<float>> make_kv_path(KvLayout, const ModelConfig&);
template std::unique_ptr<KvPath<bf16>> make_kv_path(KvLayout, const ModelConfig&);

}  // namespace wb
