// The preconditions that every SwiGLU launcher checks.
#pragma once

#include "07_tinyllama/swiglu.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

template <class T>
void require_silu_multiply(const T* gate, const T* up, const T* out, std::int64_t size) {
  WB_REQUIRE(size >= 1, size);
  WB_REQUIRE(gate != nullptr && is_aligned(gate), gate);
  WB_REQUIRE(up != nullptr && is_aligned(up), up);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
}

template <class T>
void require_silu_multiply_backward(const T* dout, const T* gate, const T* up, const T* dgate, const T* dup,
                                    std::int64_t size) {
  WB_REQUIRE(size >= 1, size);
  WB_REQUIRE(dout != nullptr && is_aligned(dout), dout);
  WB_REQUIRE(gate != nullptr && is_aligned(gate), gate);
  WB_REQUIRE(up != nullptr && is_aligned(up), up);
  WB_REQUIRE(dgate != nullptr && is_aligned(dgate), dgate);
  WB_REQUIRE(dup != nullptr && is_aligned(dup), dup);
}

template <class T, class Product>
void require_swiglu_forward(const T* x, const T* w_gate, const T* w_up, const T* gate, const T* up,
                            const T* out, int n, int c, int f, Product* matmul) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(c >= 1, c);
  WB_REQUIRE(f >= 1, f);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(w_gate != nullptr && is_aligned(w_gate), w_gate);
  WB_REQUIRE(w_up != nullptr && is_aligned(w_up), w_up);
  WB_REQUIRE(gate != nullptr && is_aligned(gate), gate);
  WB_REQUIRE(up != nullptr && is_aligned(up), up);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  WB_REQUIRE(matmul != nullptr, matmul == nullptr);
}

template <class T, class Gradient, class Product>
void require_swiglu_backward(const T* dout, const T* x, const T* w_gate, const T* w_up, const T* gate,
                             const T* up, const T* dgate, const T* dup, const T* dx, const Gradient* dw_gate,
                             const Gradient* dw_up, int n, int c, int f, Product* matmul) {
  WB_REQUIRE(dout != nullptr && is_aligned(dout), dout);
  require_swiglu_forward(x, w_gate, w_up, gate, up, dout, n, c, f, matmul);
  WB_REQUIRE(dgate != nullptr && is_aligned(dgate), dgate);
  WB_REQUIRE(dup != nullptr && is_aligned(dup), dup);
  WB_REQUIRE(dx != nullptr && is_aligned(dx), dx);
  WB_REQUIRE(dw_gate != nullptr && is_aligned(dw_gate), dw_gate);
  WB_REQUIRE(dw_up != nullptr && is_aligned(dw_up), dw_up);
}

}  // namespace wb
