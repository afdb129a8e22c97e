// The preconditions that every SwiGLU launcher checks.
#pragma once

#include "07_tinyllama/swiglu.h"
#include "common/core/check.h"

namespace wb {

inline void require_swiglu_forward(const float* x, const float* w_gate, const float* w_up, const float* gate,
                                   const float* up, const float* out, int n, int c, int f,
                                   Matmul::Function* matmul) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(f >= 1, f);
  WB_REQUIRE(x != nullptr, x);
  WB_REQUIRE(w_gate != nullptr, w_gate);
  WB_REQUIRE(w_up != nullptr, w_up);
  WB_REQUIRE(gate != nullptr, gate);
  WB_REQUIRE(up != nullptr, up);
  WB_REQUIRE(out != nullptr, out);
  WB_REQUIRE(matmul != nullptr, matmul == nullptr);
}

inline void require_swiglu_backward(const float* dout, const float* x, const float* w_gate, const float* w_up,
                                    const float* gate, const float* up, const float* dgate, const float* dup,
                                    const float* dx, const float* dw_gate, const float* dw_up, int n, int c,
                                    int f, Matmul::Function* matmul) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, dout, n, c, f, matmul);
  WB_REQUIRE(dgate != nullptr, dgate);
  WB_REQUIRE(dup != nullptr, dup);
  WB_REQUIRE(dx != nullptr, dx);
  WB_REQUIRE(dw_gate != nullptr, dw_gate);
  WB_REQUIRE(dw_up != nullptr, dw_up);
}

}  // namespace wb
