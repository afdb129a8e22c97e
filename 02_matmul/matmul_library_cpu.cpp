// Matrix product by OpenBLAS: what the host's cores reach.
//
// A launch is asynchronous on every device, so this one is as well: the call takes its turn in the stream and
// returns at once.
#include <cblas.h>
#include <cuda_runtime.h>
#include <simt/stream.h>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

void matmul_library(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                    float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const bool a_transposed = layout == MatmulLayout::kTN;
  const bool b_transposed = layout == MatmulLayout::kNT;
  const int a_columns = a_transposed ? m : k;
  const int b_columns = b_transposed ? k : n;
  simt::enqueue(stream, "cblas_sgemm", [=] {
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, m, n, k, alpha, a, a_columns, b, b_columns, beta, c,
                n);
  });
}

}  // namespace

WB_REGISTER(Matmul, library, matmul_library);

}  // namespace wb
