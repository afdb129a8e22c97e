// The contracts that a model is made of, in fp32 and in bf16 under one name each.
#pragma once

#include "01_vector_add/vector_add.h"
#include "02_matmul/matmul.h"
#include "05_rmsnorm_rope/repeat_kv.h"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rope.h"
#include "06_flash_attention/attention.h"
#include "07_tinyllama/adamw.h"
#include "07_tinyllama/cross_entropy.h"
#include "07_tinyllama/embedding.h"
#include "07_tinyllama/swiglu.h"

namespace wb {

/// ContractsOf<T>::RmsnormForward is the contract whose activations and weights are T in memory.
template <class T>
struct ContractsOf;

template <>
struct ContractsOf<float> {
  using VectorAdd = wb::VectorAdd;
  using Matmul = wb::Matmul;
  using MatmulToFloat = wb::Matmul;
  using RmsnormForward = wb::RmsnormForward;
  using RmsnormBackward = wb::RmsnormBackward;
  using RopeForward = wb::RopeForward;
  using RopeBackward = wb::RopeBackward;
  using RepeatKvForward = wb::RepeatKvForward;
  using RepeatKvBackward = wb::RepeatKvBackward;
  using AttentionMemoryUse = wb::AttentionMemoryUse;
  using AttentionForward = wb::AttentionForward;
  using AttentionBackward = wb::AttentionBackward;
  using SwigluForward = wb::SwigluForward;
  using SwigluBackward = wb::SwigluBackward;
  using EmbeddingForward = wb::EmbeddingForward;
  using EmbeddingBackward = wb::EmbeddingBackward;
  using CrossEntropyForward = wb::CrossEntropyForward;
  using CrossEntropyBackward = wb::CrossEntropyBackward;
};

template <>
struct ContractsOf<bf16> {
  using VectorAdd = VectorAddBf16;
  using Matmul = MatmulBf16;
  using MatmulToFloat = MatmulBf16ToFloat;
  using RmsnormForward = RmsnormForwardBf16;
  using RmsnormBackward = RmsnormBackwardBf16;
  using RopeForward = RopeForwardBf16;
  using RopeBackward = RopeBackwardBf16;
  using RepeatKvForward = RepeatKvForwardBf16;
  using RepeatKvBackward = RepeatKvBackwardBf16;
  using AttentionMemoryUse = AttentionMemoryUseBf16;
  using AttentionForward = AttentionForwardBf16;
  using AttentionBackward = AttentionBackwardBf16;
  using SwigluForward = SwigluForwardBf16;
  using SwigluBackward = SwigluBackwardBf16;
  using EmbeddingForward = EmbeddingForwardBf16;
  using EmbeddingBackward = EmbeddingBackwardBf16;
  using CrossEntropyForward = CrossEntropyForwardBf16;
  using CrossEntropyBackward = CrossEntropyBackwardBf16;
};

}  // namespace wb
