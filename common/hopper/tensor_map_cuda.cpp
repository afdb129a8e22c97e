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

}  // namespace

CUtensorMap map_matrix(const __nv_bfloat16* data, int rows, int columns, int tile_rows, int tile_columns) {
  static const Encode encode = encoder();
  CUtensorMap map;
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(columns), static_cast<cuuint64_t>(rows)};
  const cuuint64_t row_bytes[1] = {sizes[0] * sizeof(__nv_bfloat16)};
  const cuuint32_t tile[2] = {static_cast<cuuint32_t>(tile_columns), static_cast<cuuint32_t>(tile_rows)};
  const cuuint32_t every_element[2] = {1, 1};
  const CUresult result =
      encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, const_cast<__nv_bfloat16*>(data), sizes, row_bytes,
             tile, every_element, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  WB_REQUIRE(result == CUDA_SUCCESS, static_cast<int>(result));
  return map;
}

}  // namespace wb::hopper
