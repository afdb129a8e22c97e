// Matrix product by OpenBLAS, on the host's cores. For the CPU device only.
//
// A block is one thread, which hands a panel of C to OpenBLAS: rows of it when C is tall, columns when it is
// wide. The CPU device runs blocks side by side on its workers, so OpenBLAS itself gets one core per call.
// Its own threads would compete with those workers: they wait for work by spinning, also while other kernels
// run. 2 M N K FLOPs; a product too small to share is one block.
#include <cblas.h>

#include <algorithm>
#include <thread>
#include <type_traits>
#include <vector>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/bf16.h"
#include "common/core/registry.h"
#include "common/core/tf32.h"

namespace wb {
namespace {

// A panel below this is done before another worker has woken up.
constexpr double kSmallestPanelFlops = 2e6;
// OpenBLAS works on tiles of about this many rows or columns.
constexpr int kPanelStep = 16;
// More panels than workers, so that the others do not wait long for a slow worker.
constexpr int kPanelsPerWorker = 2;

// A float of which a product sees what tf32 keeps.
struct Tf32 {
  float value;
};
using wb::to_float;
float to_float(Tf32 number) {
  return round_to_tf32(number.value);
}

template <class T, class Out>
struct Product {
  bool a_transposed;
  bool b_transposed;
  const T* a;  // (M, K), or (K, M) when transposed
  const T* b;  // (K, N), or (N, K) when transposed
  Out* c;      // (M, N)
  int m, n, k;
  float alpha, beta;
  int panel;  // rows of C in a panel, or columns when by_columns
  bool by_columns;
};

// OpenBLAS has no tf32, and no bf16 everywhere: inputs become float before, and the product bf16 after.
const float* as_floats(const float* values, std::int64_t, std::int64_t, std::int64_t, std::vector<float>&) {
  return values;
}
template <class T>
const float* as_floats(const T* values, std::int64_t rows, std::int64_t columns, std::int64_t stride,
                       std::vector<float>& floats) {
  floats.resize(static_cast<std::size_t>(rows * stride));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = row * stride; i < row * stride + columns; ++i) floats[i] = to_float(values[i]);
  }
  return floats.data();
}

template <class T, class Out>
__global__ void openblas_sgemm(Product<T, Out> p) {
  const int first = static_cast<int>(blockIdx.x) * p.panel;
  const int rows = p.by_columns ? p.m : min(p.panel, p.m - first);
  const int columns = p.by_columns ? min(p.panel, p.n - first) : p.n;
  const int row = p.by_columns ? 0 : first;
  const int column = p.by_columns ? first : 0;
  const std::int64_t a_stride = p.a_transposed ? p.m : p.k;
  const std::int64_t b_stride = p.b_transposed ? p.k : p.n;
  std::vector<float> a_floats, b_floats, c_floats;
  const float* a = as_floats(p.a + (p.a_transposed ? row : row * a_stride), p.a_transposed ? p.k : rows,
                             p.a_transposed ? rows : p.k, a_stride, a_floats);
  const float* b =
      as_floats(p.b + (p.b_transposed ? column * b_stride : column), p.b_transposed ? columns : p.k,
                p.b_transposed ? p.k : columns, b_stride, b_floats);
  Out* out = p.c + static_cast<std::int64_t>(row) * p.n + column;
  float* c = nullptr;
  if constexpr (std::is_same_v<Out, float>) {
    c = out;
  } else {
    c_floats.resize(static_cast<std::size_t>(rows) * p.n);
    if (p.beta != 0.0f) as_floats(out, rows, columns, p.n, c_floats);  // else c is not read
    c = c_floats.data();
  }
  cblas_sgemm(CblasRowMajor, p.a_transposed ? CblasTrans : CblasNoTrans,
              p.b_transposed ? CblasTrans : CblasNoTrans, rows, columns, p.k, p.alpha, a,
              static_cast<int>(a_stride), b, static_cast<int>(b_stride), p.beta, c, p.n);
  if constexpr (!std::is_same_v<Out, float>) {
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) out[i * p.n + j] = from_float<Out>(c[i * p.n + j]);
    }
  }
}

int ceil_div(int x, int y) {
  return (x + y - 1) / y;
}

// How many rows (or columns) of C a block takes.
int panel_of(int extent, double flops) {
  const double workers = std::max(1u, std::thread::hardware_concurrency());
  const double panels = std::clamp(flops / kSmallestPanelFlops, 1.0, kPanelsPerWorker * workers);
  return ceil_div(ceil_div(extent, static_cast<int>(panels)), kPanelStep) * kPanelStep;
}

template <class T, class Out>
void matmul_library(MatmulLayout layout, const T* a, const T* b, Out* c, int m, int n, int k, float alpha,
                    float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  static const bool one_thread_a_call = (openblas_set_num_threads(1), true);
  static_cast<void>(one_thread_a_call);
  const bool by_columns = n > m;
  const int extent = by_columns ? n : m;
  const int panel = panel_of(extent, 2.0 * m * n * k);
  const Product<T, Out> product = {.a_transposed = layout == MatmulLayout::kTN,
                                   .b_transposed = layout == MatmulLayout::kNT,
                                   .a = a,
                                   .b = b,
                                   .c = c,
                                   .m = m,
                                   .n = n,
                                   .k = k,
                                   .alpha = alpha,
                                   .beta = beta,
                                   .panel = panel,
                                   .by_columns = by_columns};
  openblas_sgemm<<<ceil_div(extent, panel), 1, 0, stream>>>(product);
  WB_CHECK_LAUNCH();
}

void matmul_tf32_library(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                         float alpha, float beta, cudaStream_t stream) {
  matmul_library(layout, reinterpret_cast<const Tf32*>(a), reinterpret_cast<const Tf32*>(b), c, m, n, k,
                 alpha, beta, stream);
}

}  // namespace

WB_REGISTER(MatmulTf32, library, matmul_tf32_library);
WB_REGISTER(Matmul, library, matmul_library);
WB_REGISTER(MatmulBf16, library, matmul_library);
WB_REGISTER(MatmulBf16ToFloat, library, matmul_library);

}  // namespace wb
