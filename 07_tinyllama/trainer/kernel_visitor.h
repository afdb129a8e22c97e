// Visits every contract that a precision runs, in one order. Choosing, listing and measuring kernels use it.
#pragma once

#include <type_traits>

#include "07_tinyllama/trainer/kernels.h"

namespace wb {

/// Calls visit.template operator()<Contract>(operation, function pointer) for every contract of a model whose
/// matrix product is of the contract Product.
template <class Product, class T, class Visitor>
void for_each_contract(Kernels<T>& kernels, Visitor&& visit) {
  using C = ContractsOf<T>;
  visit.template operator()<typename C::VectorAdd>("vector_add", kernels.vector_add);
  visit.template operator()<Product>("matmul", kernels.matmul);
  if constexpr (!std::is_same_v<T, float>) {
    visit.template operator()<typename C::MatmulToFloat>("matmul", kernels.matmul_to_float);
  }
  visit.template operator()<typename C::RmsnormForward>("rmsnorm", kernels.rmsnorm_forward);
  visit.template operator()<typename C::RmsnormBackward>("rmsnorm", kernels.rmsnorm_backward);
  visit.template operator()<typename C::RopeForward>("rope", kernels.rope_forward);
  visit.template operator()<typename C::RopeBackward>("rope", kernels.rope_backward);
  visit.template operator()<typename C::RepeatKvForward>("repeat_kv", kernels.repeat_kv_forward);
  visit.template operator()<typename C::RepeatKvBackward>("repeat_kv", kernels.repeat_kv_backward);
  visit.template operator()<typename C::AttentionMemoryUse>("attention", kernels.attention_memory);
  visit.template operator()<typename C::AttentionForward>("attention", kernels.attention_forward);
  visit.template operator()<typename C::AttentionBackward>("attention", kernels.attention_backward);
  visit.template operator()<typename C::SwigluForward>("swiglu", kernels.swiglu_forward);
  visit.template operator()<typename C::SwigluBackward>("swiglu", kernels.swiglu_backward);
  visit.template operator()<typename C::EmbeddingForward>("embedding", kernels.embedding_forward);
  visit.template operator()<typename C::EmbeddingBackward>("embedding", kernels.embedding_backward);
  visit.template operator()<typename C::CrossEntropyForward>("cross_entropy", kernels.cross_entropy_forward);
  visit.template operator()<typename C::CrossEntropyBackward>("cross_entropy",
                                                              kernels.cross_entropy_backward);
}

/// The same for everything that a run of this precision launches, optimizers included.
template <class Visitor>
void for_each_contract(KernelSet& kernels, Precision precision, Visitor&& visit) {
  switch (precision) {
    case Precision::kFp32:
      for_each_contract<Matmul, float>(kernels, visit);
      break;
    case Precision::kTf32:
      for_each_contract<MatmulTf32, float>(kernels, visit);
      break;
    case Precision::kBf16:
      for_each_contract<MatmulBf16, bf16>(kernels.bf16, visit);
      break;
  }
  visit.template operator()<AdamW>("adamw", kernels.adamw);
}

}  // namespace wb
