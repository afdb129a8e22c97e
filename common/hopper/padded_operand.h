// Operands for TMA, which reads only rows of a multiple of 16 bytes at addresses that are multiples of 16.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// A row-major matrix (rows, columns) that TMA can read: the given one, or a copy whose rows are padded with
/// zeros to a multiple of 8. The copy costs a pass over the operand and memory from the stream's pool; it is
/// freed in stream order, after the work that was enqueued before the destructor runs.
class PaddedOperand {
 public:
  PaddedOperand(const bf16* data, int rows, int columns, cudaStream_t stream);
  ~PaddedOperand();
  PaddedOperand(const PaddedOperand&) = delete;
  PaddedOperand& operator=(const PaddedOperand&) = delete;

  const bf16* data() const { return copy_ ? copy_ : data_; }
  int rows() const { return rows_; }
  int columns() const { return columns_; }

 private:
  const bf16* data_;
  bf16* copy_ = nullptr;
  int rows_;
  int columns_;
  cudaStream_t stream_;
};

}  // namespace wb
