// The registry: every implementation of a contract, by name.
//
// A contract is a struct in a chapter's header:
//
//   struct VectorAdd {
//     static constexpr const char* kName = "vector_add";
//     using Function = void(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream);
//   };
//
// An implementation's file ends with   WB_REGISTER(VectorAdd, solution, vector_add_solution);
// Tests, benchmarks, the trainer and the plots look implementations up with implementations<VectorAdd>()
// or find_implementation<VectorAdd>("solution").
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/check.h"

namespace wb {

template <class Contract>
struct Implementation {
  std::string name;  // `starter`, `solution`, `library` or the rung's idea
  typename Contract::Function* function;
};

namespace detail {
template <class Contract>
std::vector<Implementation<Contract>>& registry() {
  static std::vector<Implementation<Contract>> entries;
  return entries;
}

template <class Contract>
struct Registrar {
  Registrar(const char* name, typename Contract::Function* function) {
    registry<Contract>().push_back({name, function});
  }
};
}  // namespace detail

/// Every implementation linked into this program, sorted by name.
template <class Contract>
std::vector<Implementation<Contract>> implementations() {
  auto entries = detail::registry<Contract>();
  std::sort(entries.begin(), entries.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
  return entries;
}

/// The implementation called `name`; throws Error listing the names there are.
template <class Contract>
Implementation<Contract> find_implementation(std::string_view name) {
  std::string known;
  for (const auto& entry : implementations<Contract>()) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw Error(std::string(Contract::kName) + ": no implementation '" + std::string(name) +
              "'; this program has: " + (known.empty() ? "none" : known));
}

}  // namespace wb

/// Registers `function` as implementation `name` (a bare word) of `Contract`. At namespace scope, once a
/// name.
#define WB_REGISTER(Contract, name, function) \
  static const ::wb::detail::Registrar<Contract> wb_registrar_##Contract##_##name(#name, function)
