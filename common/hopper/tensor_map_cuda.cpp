#include <cuda_runtime.h>

#include "common/core/error.h"
#include "common/hopper/tensor_map.h"

namespace wb::hopper {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

// The driver's function by way of the runtime, so that nothing links the driver.
Encode encoder() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  WB_CUDA_CHECK(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                                 cudaEnableDefault, &found));
  if (found != cudaDriverEntryPointSuccess)
    throw Error("this driver has no tensor maps (cuTensorMapEncodeTiled)");
  return reinterpret_cast<Encode>(function);
}

CUtensorMap encode(const __nv_bfloat16* data, int dimensions, const cuuint64_t* sizes,
                   const cuuint64_t* stride_bytes, const cuuint32_t* tile) {
  static const Encode encode_tiled = encoder();
  CUtensorMap map;
  const cuuint32_t every_element[4] = {1, 1, 1, 1};
  const CUresult result =
      encode_tiled(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, static_cast<cuuint32_t>(dimensions),
                   const_cast<__nv_bfloat16*>(data), sizes, stride_bytes, tile, every_element,
                   CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                   CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  WB_REQUIRE(result == CUDA_SUCCESS, static_cast<int>(result));
  return map;
}

}  // namespace

CUtensorMap map_matrix(const __nv_bfloat16* data, int rows, int columns, int tile_rows, int tile_columns) {
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t row_bytes[1] = {sizes[0] * sizeof(__nv_bfloat16)};
  const cuuint32_t tile[2] = {static_cast<cuuint32_t>(tile_columns), static_cast<cuuint32_t>(tile_rows)};
  return encode(data, 2, sizes, row_bytes, tile);
}

CUtensorMap map_heads(const MappedHeads& view, int tile_rows) {
  const auto bytes = [](std::int64_t stride) {
    return static_cast<cuuint64_t>(stride) * sizeof(__nv_bfloat16);
  };
  const cuuint64_t sizes[4] = {static_cast<cuuint64_t>(view.d), static_cast<cuuint64_t>(view.t),
                               static_cast<cuuint64_t>(view.heads), static_cast<cuuint64_t>(view.b)};
  const cuuint64_t strides[3] = {bytes(view.stride_t), bytes(view.stride_h), bytes(view.stride_b)};
  const cuuint32_t tile[4] = {64, static_cast<cuuint32_t>(tile_rows), 1, 1};
  return encode(view.data, 4, sizes, strides, tile);
}

}  // namespace wb::hopper
