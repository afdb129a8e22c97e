// Windowed attention by plain loops over distances: one thread per query or key.
//
// A pair of features is a complex number, and a rotation multiplies it by e^(i angle). So a product of
// rotated rows depends only on the distance of their positions. With n = i - j and x, y the halves of a pair,
//
//   <R_i q, R_j k> = sum over pairs of (qx kx + qy ky) cos(n angle) - (qy kx - qx ky) sin(n angle)
//
// and two encodings blended by distance are one row of cosines and sines for each distance:
//
//   cosine[n] = (1 - w) near_cosine[n] + w far_cosine[n],  sine[n] likewise, and odd in n.
//
// This takes one product where tiles need two. But the angle depends on both i and j. So this is not a
// product of matrices, and the threads of a tile cannot share rotated rows. Therefore the fast kernel
// computes two products.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "06_flash_attention/windowed_attention.h"

namespace wb::windowed_rows {

struct Forward {
  const float *q, *k, *v;  // (B, T, H, D), (B, T, K, D), (B, T, K, D)
  BlendedRope rope;
  float *out, *lse;  // (B, T, H, D), (B, H, T)
  WindowedAttentionShape shape;
};

struct Backward {
  const float *dout, *q, *k, *v;  // (B, T, H, D), (B, T, H, D), (B, T, K, D), (B, T, K, D)
  BlendedRope rope;
  const float *out, *lse;  // (B, T, H, D), (B, H, T)
  float *dq, *dk, *dv;     // (B, T, H, D), (B, T, K, D), (B, T, K, D)
  float* delta;            // (B, H, T)
  WindowedAttentionShape shape;
};

/// The contract's weight of the far encoding, in scores and in what dS is split by; and which key head a
/// query head reads. The loops below take them as a parameter: what goes wrong with other rules, mutants
/// show.
struct Rules {
  __device__ static float far_weight(int i, int j, const BlendedRope& rope) {
    const float beyond = static_cast<float>(abs(i - j) - rope.window);
    return fminf(fmaxf(beyond / static_cast<float>(max(rope.band, 1)), 0.0f), 1.0f);
  }
  __device__ static float gradient_weight(int i, int j, const BlendedRope& rope) {
    return far_weight(i, j, rope);
  }
  __device__ static int kv_head(int h, const WindowedAttentionShape& shape) {
    return h / (shape.h / shape.kv);
  }
};

/// Cosine and sine of pair c for query i and key j, blended. A weight of 0 does not read its table.
struct Angle {
  float cosine, sine;
};
__device__ inline Angle blended_angle(int i, int j, int c, int half, float far_weight,
                                      const BlendedRope& rope) {
  const std::int64_t at = static_cast<std::int64_t>(abs(i - j)) * half + c;
  Angle angle = {0.0f, 0.0f};
  if (far_weight != 1.0f) {
    angle.cosine += (1.0f - far_weight) * rope.near_cosine[at];
    angle.sine += (1.0f - far_weight) * rope.near_sine[at];
  }
  if (far_weight != 0.0f) {
    angle.cosine += far_weight * rope.far_cosine[at];
    angle.sine += far_weight * rope.far_sine[at];
  }
  if (i < j) angle.sine = -angle.sine;
  return angle;
}

__device__ inline std::int64_t row_start(const WindowedAttentionShape& shape, int heads, int b, int t,
                                         int h) {
  return ((static_cast<std::int64_t>(b) * shape.t + t) * heads + h) * shape.d;
}

__device__ inline float blended_product(const float* q, const float* k, int i, int j, float far_weight,
                                        const BlendedRope& rope, int d) {
  const int half = d / 2;
  float sum = 0.0f;
  for (int c = 0; c < half; ++c) {
    const Angle angle = blended_angle(i, j, c, half, far_weight, rope);
    sum += (q[c] * k[c] + q[half + c] * k[half + c]) * angle.cosine;
    sum -= (q[half + c] * k[c] - q[c] * k[half + c]) * angle.sine;
  }
  return sum;
}

/// sum += factor * the gradient of blended_product by q.
__device__ inline void add_gradient_of_query(float* sum, float factor, const float* k, int i, int j,
                                             float far_weight, const BlendedRope& rope, int d) {
  const int half = d / 2;
  for (int c = 0; c < half; ++c) {
    const Angle angle = blended_angle(i, j, c, half, far_weight, rope);
    sum[c] += factor * (k[c] * angle.cosine + k[half + c] * angle.sine);
    sum[half + c] += factor * (k[half + c] * angle.cosine - k[c] * angle.sine);
  }
}

/// sum += factor * the gradient of blended_product by k.
__device__ inline void add_gradient_of_key(float* sum, float factor, const float* q, int i, int j,
                                           float far_weight, const BlendedRope& rope, int d) {
  const int half = d / 2;
  for (int c = 0; c < half; ++c) {
    const Angle angle = blended_angle(i, j, c, half, far_weight, rope);
    sum[c] += factor * (q[c] * angle.cosine - q[half + c] * angle.sine);
    sum[half + c] += factor * (q[half + c] * angle.cosine + q[c] * angle.sine);
  }
}

__device__ inline float product(const float* x, const float* y, int d) {
  float sum = 0.0f;
  for (int c = 0; c < d; ++c) sum += x[c] * y[c];
  return sum;
}

/// Row (b, h, i) of out and lse, by the online softmax.
template <class Rule>
__device__ void attend(const Forward& a, std::int64_t row) {
  const WindowedAttentionShape& shape = a.shape;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.h * shape.t) return;
  const int i = static_cast<int>(row % shape.t);
  const int h = static_cast<int>(row / shape.t % shape.h);
  const int b = static_cast<int>(row / shape.t / shape.h);
  const int kv_head = Rule::kv_head(h, shape);
  const float* query = a.q + row_start(shape, shape.h, b, i, h);

  float sum[kMaxWindowedHeadWidth];
  for (int c = 0; c < shape.d; ++c) sum[c] = 0.0f;
  float max = -INFINITY;
  float weights = 0.0f;
  const int last = shape.causal ? i : shape.t - 1;
  for (int j = 0; j <= last; ++j) {
    const std::int64_t key = row_start(shape, shape.kv, b, j, kv_head);
    const float far_weight = Rule::far_weight(i, j, a.rope);
    const float score = shape.scale * blended_product(query, a.k + key, i, j, far_weight, a.rope, shape.d);
    const float new_max = fmaxf(max, score);
    const float correction = expf(max - new_max);
    const float weight = expf(score - new_max);
    max = new_max;
    weights = weights * correction + weight;
    for (int c = 0; c < shape.d; ++c) sum[c] = sum[c] * correction + weight * a.v[key + c];
  }
  float* target = a.out + row_start(shape, shape.h, b, i, h);
  for (int c = 0; c < shape.d; ++c) target[c] = sum[c] / weights;
  a.lse[row] = max + logf(weights);
}

/// Row (b, h, i) of dq and delta.
template <class Rule>
__device__ void differentiate_query(const Backward& a, std::int64_t row) {
  const WindowedAttentionShape& shape = a.shape;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.h * shape.t) return;
  const int i = static_cast<int>(row % shape.t);
  const int h = static_cast<int>(row / shape.t % shape.h);
  const int b = static_cast<int>(row / shape.t / shape.h);
  const int kv_head = Rule::kv_head(h, shape);
  const std::int64_t query = row_start(shape, shape.h, b, i, h);
  const float delta = product(a.dout + query, a.out + query, shape.d);

  float sum[kMaxWindowedHeadWidth];
  for (int c = 0; c < shape.d; ++c) sum[c] = 0.0f;
  const int last = shape.causal ? i : shape.t - 1;
  for (int j = 0; j <= last; ++j) {
    const std::int64_t key = row_start(shape, shape.kv, b, j, kv_head);
    const float far_weight = Rule::far_weight(i, j, a.rope);
    const float score =
        shape.scale * blended_product(a.q + query, a.k + key, i, j, far_weight, a.rope, shape.d);
    const float ds = expf(score - a.lse[row]) * (product(a.dout + query, a.v + key, shape.d) - delta);
    add_gradient_of_query(sum, shape.scale * ds, a.k + key, i, j, Rule::gradient_weight(i, j, a.rope), a.rope,
                          shape.d);
  }
  for (int c = 0; c < shape.d; ++c) a.dq[query + c] = sum[c];
  a.delta[row] = delta;
}

/// Row (b, kv_head, j) of dk and dv, over all query heads that read it. After differentiate_query.
template <class Rule>
__device__ void differentiate_key(const Backward& a, std::int64_t row) {
  const WindowedAttentionShape& shape = a.shape;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.kv * shape.t) return;
  const int j = static_cast<int>(row % shape.t);
  const int kv_head = static_cast<int>(row / shape.t % shape.kv);
  const int b = static_cast<int>(row / shape.t / shape.kv);
  const std::int64_t key = row_start(shape, shape.kv, b, j, kv_head);

  float dk_sum[kMaxWindowedHeadWidth], dv_sum[kMaxWindowedHeadWidth];
  for (int c = 0; c < shape.d; ++c) dk_sum[c] = dv_sum[c] = 0.0f;
  for (int h = 0; h < shape.h; ++h) {
    if (Rule::kv_head(h, shape) != kv_head) continue;
    for (int i = shape.causal ? j : 0; i < shape.t; ++i) {
      const std::int64_t query = row_start(shape, shape.h, b, i, h);
      const std::int64_t row_of_query = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t + i;
      const float far_weight = Rule::far_weight(i, j, a.rope);
      const float score =
          shape.scale * blended_product(a.q + query, a.k + key, i, j, far_weight, a.rope, shape.d);
      const float p = expf(score - a.lse[row_of_query]);
      const float ds = p * (product(a.dout + query, a.v + key, shape.d) - a.delta[row_of_query]);
      add_gradient_of_key(dk_sum, shape.scale * ds, a.q + query, i, j, Rule::gradient_weight(i, j, a.rope),
                          a.rope, shape.d);
      for (int c = 0; c < shape.d; ++c) dv_sum[c] += p * a.dout[query + c];
    }
  }
  for (int c = 0; c < shape.d; ++c) {
    a.dk[key + c] = dk_sum[c];
    a.dv[key + c] = dv_sum[c];
  }
}

}  // namespace wb::windowed_rows
