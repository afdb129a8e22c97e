// Which implementation of each operation the trainer uses: a look-up in the registry.
#pragma once

#include <string>
#include <string_view>
#include <vector>

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

/// One line of what was chosen.
struct KernelChoice {
  std::string operation;       // "swiglu"
  std::string contract;        // "swiglu_forward"
  std::string implementation;  // "naive"
};

/// A function pointer for every contract of the trainer, and how they were chosen.
struct KernelSet {
  VectorAdd::Function* vector_add = nullptr;
  Matmul::Function* matmul = nullptr;
  RmsnormForward::Function* rmsnorm_forward = nullptr;
  RmsnormBackward::Function* rmsnorm_backward = nullptr;
  RopeForward::Function* rope_forward = nullptr;
  RopeBackward::Function* rope_backward = nullptr;
  RepeatKvForward::Function* repeat_kv_forward = nullptr;
  RepeatKvBackward::Function* repeat_kv_backward = nullptr;
  AttentionMemoryUse::Function* attention_memory = nullptr;
  AttentionForward::Function* attention_forward = nullptr;
  AttentionBackward::Function* attention_backward = nullptr;
  SwigluForward::Function* swiglu_forward = nullptr;
  SwigluBackward::Function* swiglu_backward = nullptr;
  EmbeddingForward::Function* embedding_forward = nullptr;
  EmbeddingBackward::Function* embedding_backward = nullptr;
  CrossEntropyForward::Function* cross_entropy_forward = nullptr;
  CrossEntropyBackward::Function* cross_entropy_backward = nullptr;
  AdamW::Function* adamw = nullptr;

  std::vector<KernelChoice> choices;
};

/// Chooses by a comma-separated request, read from left to right:
///   auto             `library` where there is one (a tuned matrix product), else `solution`; on the CPU
///                    device attention is `thread_per_query`
///   NAME             `solution`, `starter`, `library` or a rung's name wherever an operation has it, else
///                    auto
///   operation=NAME   that operation only, forward and backward; it must have NAME
///   contract=NAME    that contract only: "rmsnorm_backward=unfused"
/// "solution,swiglu=naive,attention=materialised" is a request. "" is auto.
/// Errors: an unknown operation, or a NAME that is nowhere, throws wb::Error listing what there is.
KernelSet select_kernels(std::string_view request = "auto");

/// "matmul library, rmsnorm solution, ...": what a set runs, for the user to see.
std::string describe(const KernelSet& kernels);

/// "vector_add (solution), matmul (library, solution), ...": every implementation this program has.
std::string available_kernels();

}  // namespace wb
