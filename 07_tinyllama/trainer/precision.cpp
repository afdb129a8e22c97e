#include "07_tinyllama/trainer/precision.h"

#include <fmt/format.h>

#include "common/core/error.h"

namespace wb {

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::kFp32:
      return "fp32";
    case Precision::kTf32:
      return "tf32";
    case Precision::kBf16:
      return "bf16";
  }
  throw Error("precision: not one of fp32, tf32, bf16");
}

Precision parse_precision(std::string_view name) {
  for (const Precision precision : {Precision::kFp32, Precision::kTf32, Precision::kBf16}) {
    if (name == name_of(precision)) return precision;
  }
  throw Error(fmt::format("--precision: no precision '{}'; there are fp32, tf32, bf16", name));
}

}  // namespace wb
