// Rung 1: bias and GELU are added in the product's registers; nothing is read again.
//
// Idea: an epilogue. The product is the last rung of matmul_bf16, whose head explains the ring, the small
// tiles and the early start; small_tiles.cuh is its kernel, which takes the code between the last product and
// the store as a parameter. Before the first product of a tile each thread issues the loads of the bias of
// its columns, so that the bias has arrived after the last product. Then gelu(sum + bias) replaces each sum.
//
// Limited before: two launches. The second reads back the 2 M N bytes that the product has just written, and
// writes as many again.
//
// Limits now: the limits of the product, and the epilogue's arithmetic: one exponential and one division per
// output, while the tensor cores of this multiprocessor wait.
//
// Costs in clarity: one more template parameter of the product's kernel. 93 to 168 registers, none spilled.
//
// Needs: sm_90a
#include "02_matmul/gelu.cuh"
#include "02_matmul/matmul_bias_gelu_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/small_tiles.cuh"

namespace wb {
namespace {

struct BiasGelu {
  const bf16* bias;  // (n)
  int n;

  template <int kTileN>
  class OfTile {
   public:
    // A thread holds two neighboring columns of each eight, in two rows (store_fragment in wgmma_tiles.cuh).
    __device__ OfTile(const BiasGelu& all, int column) {
      column += static_cast<int>(threadIdx.x) % 4 * 2;
#pragma unroll
      for (int i = 0; i < kTileN / 4; ++i) {
        const int at = column + i / 2 * 8 + i % 2;
        bias_[i] = at < all.n ? all.bias[at] : bf16{};
      }
    }

    __device__ void operator()(float (&sums)[kTileN / 2]) const {
#pragma unroll
      for (int i = 0; i < kTileN / 2; ++i) {
        sums[i] = fast_gelu(sums[i] + to_float(bias_[i / 4 * 2 + i % 2]));
      }
    }

   private:
    bf16 bias_[kTileN / 4];
  };
};

void matmul_bias_gelu_epilogue(const bf16* x, const bf16* w, const bf16* bias, bf16* y, int m, int n, int k,
                               cudaStream_t stream) {
  require_matmul_bias_gelu(x, w, bias, y, m, n, k);
  small_tiles::launch<MatmulLayout::kNT>(x, w, k, Result<bf16>{y, m, n, 1.0f, 0.0f}, BiasGelu{bias, n},
                                         stream);
}

}  // namespace

WB_REGISTER(MatmulBiasGeluBf16, gelu_epilogue, matmul_bias_gelu_epilogue);

}  // namespace wb
