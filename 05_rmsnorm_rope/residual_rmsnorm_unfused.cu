// Residual addition and RMSNorm, `unfused`: chapter 01's addition, then RMSNorm,
// as an eager framework runs them.
//
// The first launch writes the sum, the second reads it: 20 bytes per element where one launch moves 16 (x and
// residual read, sum written; sum read, y written).
// Read next: residual_rmsnorm_solution.cu.
#include <cstdint>

#include "01_vector_add/vector_add.h"
#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "05_rmsnorm_rope/residual_rmsnorm_check.h"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "common/core/implementations.h"
#include "common/core/registry.h"

namespace wb {
namespace {

void residual_rmsnorm_unfused(const float* x, const float* residual, const float* weight, float* sum,
                              float* y, float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  static VectorAdd::Function* const add = find_implementation<VectorAdd>("solution").function;
  static RmsnormForward::Function* const norm = find_implementation<RmsnormForward>("solution").function;
  check_residual_rmsnorm(x, residual, weight, sum, y, rstd, n, c, epsilon);
  add(x, residual, sum, static_cast<std::int64_t>(n) * c, stream);
  norm(sum, weight, y, rstd, n, c, epsilon, stream);
}

}  // namespace

WB_REGISTER(ResidualRmsnormForward, unfused, residual_rmsnorm_unfused);

}  // namespace wb
