// SwiGLU in plain loops and double, and what its usual mistakes would give.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "07_tinyllama/testing/suspects.h"

namespace wb {

struct SwigluSizes {
  int n, c, f;
  std::size_t x() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(c); }
  std::size_t w() const { return static_cast<std::size_t>(f) * static_cast<std::size_t>(c); }
  std::size_t out() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(f); }
};

inline double sigmoid_oracle(double z) {
  return 1.0 / (1.0 + std::exp(-z));
}

/// silu(gate) * up
inline std::vector<double> silu_multiply_oracle(std::span<const double> gate, std::span<const double> up) {
  std::vector<double> out(gate.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = gate[i] * sigmoid_oracle(gate[i]) * up[i];
  return out;
}

struct GateGradients {
  std::vector<double> dgate, dup;
};

inline GateGradients silu_multiply_backward_oracle(std::span<const double> dout, std::span<const double> gate,
                                                   std::span<const double> up) {
  GateGradients d = {std::vector<double>(dout.size()), std::vector<double>(dout.size())};
  for (std::size_t i = 0; i < dout.size(); ++i) {
    const double s = sigmoid_oracle(gate[i]);
    d.dgate[i] = dout[i] * up[i] * s * (1.0 + gate[i] * (1.0 - s));
    d.dup[i] = dout[i] * gate[i] * s;
  }
  return d;
}

struct SwigluOutputs {
  std::vector<double> gate, up, out;
};

inline SwigluOutputs swiglu_oracle(const SwigluSizes& s, std::span<const double> x,
                                   std::span<const double> w_gate, std::span<const double> w_up) {
  SwigluOutputs result = {std::vector<double>(s.out()), std::vector<double>(s.out()), {}};
  const auto c = static_cast<std::size_t>(s.c), f = static_cast<std::size_t>(s.f);
  for (std::size_t i = 0; i < s.out(); ++i) {
    const std::size_t row = i / f * c, feature = i % f * c;
    for (std::size_t j = 0; j < c; ++j) {
      result.gate[i] += x[row + j] * w_gate[feature + j];
      result.up[i] += x[row + j] * w_up[feature + j];
    }
  }
  result.out = silu_multiply_oracle(result.gate, result.up);
  return result;
}

/// What kNN makes of x (N, C) and of weights (F, C) taken for (C, F).
inline std::vector<double> product_of_stored(const SwigluSizes& s, std::span<const double> x,
                                             std::span<const double> w) {
  std::vector<double> result(s.out());
  const auto c = static_cast<std::size_t>(s.c), f = static_cast<std::size_t>(s.f);
  for (std::size_t i = 0; i < s.out(); ++i) {
    for (std::size_t j = 0; j < c; ++j) result[i] += x[i / f * c + j] * w[j * f + i % f];
  }
  return result;
}

struct SwigluGradients {
  std::vector<double> dgate, dup, dx, dw_gate, dw_up;
};

/// Back through the products, from the gradients of gate and up.
inline SwigluGradients swiglu_products_backward_oracle(const SwigluSizes& s, GateGradients gates,
                                                       std::span<const double> x,
                                                       std::span<const double> w_gate,
                                                       std::span<const double> w_up) {
  SwigluGradients d = {std::move(gates.dgate), std::move(gates.dup), std::vector<double>(s.x()),
                       std::vector<double>(s.w()), std::vector<double>(s.w())};
  const auto c = static_cast<std::size_t>(s.c), f = static_cast<std::size_t>(s.f);
  for (std::size_t i = 0; i < s.out(); ++i) {
    const std::size_t row = i / f * c, feature = i % f * c;
    for (std::size_t j = 0; j < c; ++j) {
      d.dx[row + j] += d.dgate[i] * w_gate[feature + j] + d.dup[i] * w_up[feature + j];
      d.dw_gate[feature + j] += d.dgate[i] * x[row + j];
      d.dw_up[feature + j] += d.dup[i] * x[row + j];
    }
  }
  return d;
}

inline SwigluGradients swiglu_backward_oracle(const SwigluSizes& s, std::span<const double> dout,
                                              std::span<const double> x, std::span<const double> w_gate,
                                              std::span<const double> w_up, std::span<const double> gate,
                                              std::span<const double> up) {
  return swiglu_products_backward_oracle(s, silu_multiply_backward_oracle(dout, gate, up), x, w_gate, w_up);
}

/// Names the mistake behind a wrong out; empty where none of those known fits.
inline std::string explain_silu_multiply(std::span<const float> out, std::span<const double> gate,
                                         std::span<const double> up, const Tolerance& tolerance) {
  std::vector<double> glu(out.size()), relu(out.size()), bare(out.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    glu[i] = sigmoid_oracle(gate[i]) * up[i];
    relu[i] = std::fmax(gate[i], 0.0) * up[i];
    bare[i] = gate[i] * sigmoid_oracle(gate[i]);
  }
  return explain_by({{glu, "sigmoid(gate) * up, the older GLU. silu(z) is z * sigmoid(z)"},
                     {silu_multiply_oracle(up, gate), "gate and up are exchanged: silu(up) * gate"},
                     {relu, "relu(gate) * up. silu is smooth"},
                     {bare, "silu(gate) alone: up is missing"}},
                    out, silu_multiply_oracle(gate, up), tolerance);
}

/// The same for dgate and dup.
inline std::string explain_silu_multiply_backward(std::span<const float> dgate, std::span<const float> dup,
                                                  std::span<const double> dout, std::span<const double> gate,
                                                  std::span<const double> up, const Tolerance& tolerance) {
  const GateGradients right = silu_multiply_backward_oracle(dout, gate, up);
  std::vector<double> first_term(dout.size()), of_sigmoid(dout.size()), without_dout(dout.size()),
      by_sigmoid(dout.size());
  for (std::size_t i = 0; i < dout.size(); ++i) {
    const double s = sigmoid_oracle(gate[i]);
    first_term[i] = dout[i] * up[i] * s;
    of_sigmoid[i] = dout[i] * up[i] * s * (1.0 - s);
    without_dout[i] = up[i] * s * (1.0 + gate[i] * (1.0 - s));
    by_sigmoid[i] = dout[i] * s;
  }
  const std::string of_dgate = explain_by(
      {{first_term,
        "dgate has one term of the product rule, sigmoid(z). The other is z sigmoid(z) (1 - sigmoid(z))"},
       {of_sigmoid, "dgate has the slope of sigmoid, not of silu"},
       {without_dout, "dgate is not multiplied by dout"},
       {right.dup, "dgate and dup are exchanged"}},
      dgate, right.dgate, tolerance);
  if (!of_dgate.empty()) return of_dgate;
  return explain_by({{by_sigmoid, "dup = dout * sigmoid(gate). It takes silu(gate)"}}, dup, right.dup,
                    tolerance);
}

}  // namespace wb
