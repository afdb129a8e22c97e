// How an implementation of attention in bf16 computes, for tests and benchmarks.
#pragma once

#include <string>

#include "06_flash_attention/attention.h"
#include "common/core/implementations.h"

namespace wb {

/// As the implementation of that name says; in fp32 and in order where it says nothing.
inline AttentionArithmetic attention_arithmetic_of(const std::string& name) {
  for (const auto& entry : implementations<AttentionArithmeticBf16>()) {
    if (entry.name == name) return entry.function();
  }
  return {};
}

}  // namespace wb
