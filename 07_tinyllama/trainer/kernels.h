// Which implementation of each operation the trainer uses: a look-up in the registry.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "07_tinyllama/trainer/contracts.h"
#include "07_tinyllama/trainer/precision.h"

namespace wb {

/// One line of what was chosen.
struct KernelChoice {
  std::string operation;       // "swiglu"
  std::string contract;        // "swiglu_forward", "swiglu_forward_bf16"
  std::string implementation;  // "naive"
};

/// A function pointer for every contract of a model whose activations and weights are T, float or bf16.
template <class T>
struct Kernels {
  typename ContractsOf<T>::VectorAdd::Function* vector_add = nullptr;
  typename ContractsOf<T>::Matmul::Function* matmul = nullptr;
  typename ContractsOf<T>::MatmulToFloat::Function* matmul_to_float = nullptr;  // not used where T is float
  typename ContractsOf<T>::RmsnormForward::Function* rmsnorm_forward = nullptr;
  typename ContractsOf<T>::RmsnormBackward::Function* rmsnorm_backward = nullptr;
  typename ContractsOf<T>::RopeForward::Function* rope_forward = nullptr;
  typename ContractsOf<T>::RopeBackward::Function* rope_backward = nullptr;
  typename ContractsOf<T>::RepeatKvForward::Function* repeat_kv_forward = nullptr;
  typename ContractsOf<T>::RepeatKvBackward::Function* repeat_kv_backward = nullptr;
  typename ContractsOf<T>::AttentionMemoryUse::Function* attention_memory = nullptr;
  typename ContractsOf<T>::AttentionForward::Function* attention_forward = nullptr;
  typename ContractsOf<T>::AttentionBackward::Function* attention_backward = nullptr;
  typename ContractsOf<T>::SwigluForward::Function* swiglu_forward = nullptr;
  typename ContractsOf<T>::SwigluBackward::Function* swiglu_backward = nullptr;
  typename ContractsOf<T>::EmbeddingForward::Function* embedding_forward = nullptr;
  typename ContractsOf<T>::EmbeddingBackward::Function* embedding_backward = nullptr;
  typename ContractsOf<T>::CrossEntropyForward::Function* cross_entropy_forward = nullptr;
  typename ContractsOf<T>::CrossEntropyBackward::Function* cross_entropy_backward = nullptr;

  /// The product for gradients of weights, which are fp32 always.
  auto* weight_matmul() const {
    if constexpr (std::is_same_v<T, float>) {
      return matmul;
    } else {
      return matmul_to_float;
    }
  }
};

/// The kernels of a run, and how they were chosen. `kernels.matmul` is the fp32 product (the tf32 one where
/// the precision says so), `kernels.bf16.matmul` that of bf16; without bf16 the latter are null.
struct KernelSet : Kernels<float> {
  Kernels<wb::bf16> bf16;
  AdamW::Function* adamw = nullptr;

  Precision precision = Precision::kFp32;
  std::vector<KernelChoice> choices;  // what a model of this precision runs

  /// Those of a type in memory.
  template <class T>
  const Kernels<T>& of() const {
    if constexpr (std::is_same_v<T, float>) {
      return *this;
    } else {
      return bf16;
    }
  }
};

/// Chooses by a comma-separated request, read from left to right:
///   auto             `library` where there is one (a tuned matrix product) that gives the same bits in every
///                    run, else `solution`; on the CPU device what has no barriers: `thread_per_query`,
///                    `thread_per_row`
///   NAME             `solution`, `starter`, `library` or a rung's name wherever an operation has it, else
///                    auto
///   operation=NAME   that operation only, forward and backward; it must have NAME
///   contract=NAME    that contract only: "rmsnorm_backward=unfused"
/// "solution,swiglu=naive,attention=materialized" is a request. "" is auto. It chooses among the contracts of
/// the precision; of those, "rmsnorm_backward" also means rmsnorm_backward_bf16.
/// Errors: an unknown operation, or a NAME that no operation has, throws wb::Error with a list of the names.
KernelSet select_kernels(std::string_view request = "auto", Precision precision = Precision::kFp32);

/// Whether this implementation of attention in bf16 says that two runs may differ. It is used only if it is
/// requested by name.
bool adds_in_any_order(std::string_view attention);

/// "matmul library, rmsnorm solution, ...": what a set runs, for the user to see.
std::string describe(const KernelSet& kernels);

/// "vector_add (solution), matmul (library, solution), ...": every implementation this program has.
std::string available_kernels(Precision precision = Precision::kFp32);

}  // namespace wb
