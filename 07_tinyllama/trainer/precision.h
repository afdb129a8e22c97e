// The types of numbers in which a model computes.
#pragma once

#include <string_view>

namespace wb {

enum class Precision {
  kFp32,  // everything in fp32
  kTf32,  // fp32 in memory; matrix products round their inputs to 10 bits of mantissa and add up in fp32
  kBf16,  // activations and matrix products in bf16; master weights, gradients of parameters, moments, rstd,
          // lse and losses in fp32
};

/// "fp32", "tf32" or "bf16".
std::string_view name_of(Precision precision);

/// The precision of that name. Errors: another name throws wb::Error listing them.
Precision parse_precision(std::string_view name);

}  // namespace wb
