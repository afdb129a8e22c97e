// What the builders of problems share. Internal to this folder.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "07_tinyllama/trainer/contracts.h"
#include "07_tinyllama/trainer/selection/problem.h"
#include "common/core/implementations.h"

namespace wb {

/// Each appends its units. T is the type in memory; Product the contract of the matrix product.
template <class T, class Product>
void add_products(std::vector<Unit>& units, const Setting& setting, std::string_view product);
template <class T>
void add_rows(std::vector<Unit>& units, const Setting& setting);
template <class T>
void add_heads(std::vector<Unit>& units, const Setting& setting);

template <class T>
TensorSpec tensor(std::string name, std::int64_t elements, Role role = Role::kInput, float low = -1.0f,
                  float high = 1.0f) {
  return {std::move(name), elements, kElementOf<T>, role, low, high};
}

/// One candidate for each implementation of the contract; bind(function) makes the call.
template <class Contract, class Bind>
std::vector<Candidate> candidates_of(Bind bind) {
  std::vector<Candidate> all;
  for (const auto& entry : implementations<Contract>()) {
    all.push_back({.name = entry.name, .phases = {bind(entry.function)}});
  }
  return all;
}

/// The candidate called `solution`; where there is none, as of vector_add_bf16, the first one. Errors:
/// wb::Error when this program has none at all.
inline Candidate reference_among(const std::vector<Candidate>& candidates, std::string_view contract) {
  for (const Candidate& candidate : candidates) {
    if (candidate.name == "solution") return candidate;
  }
  if (candidates.empty()) throw Error(fmt::format("kernel selection: no implementation of {}", contract));
  return candidates.front();
}

/// A unit of one contract and one problem.
template <class Contract, class Bind>
Unit unit_of(Problem problem, Bind bind) {
  problem.candidates = candidates_of<Contract>(bind);
  problem.reference = reference_among(problem.candidates, Contract::kName);
  return {.name = Contract::kName,
          .contracts = {Contract::kName},
          .requests = {Contract::kName},
          .problems = {std::move(problem)}};
}

/// The function of an implementation; of a name that the contract does not have, of `solution`, or of the
/// first.
template <class Contract>
typename Contract::Function* function_or_reference(std::string_view name) {
  const auto all = implementations<Contract>();
  for (const std::string_view wanted : {name, std::string_view("solution")}) {
    for (const auto& entry : all) {
      if (entry.name == wanted) return entry.function;
    }
  }
  if (all.empty()) throw Error(fmt::format("kernel selection: no implementation of {}", Contract::kName));
  return all.front().function;
}

template <class T>
inline constexpr bool kIsFloat = std::is_same_v<T, float>;

/// Tolerances. fp32: sums of some thousand terms in another order. bf16: a result may be rounded up where the
/// reference was rounded down (2^-8 of the element), and what is stored between two parts of an operation is
/// rounded as well.
template <class T>
inline constexpr Allowed kAllowedSums = kIsFloat<T> ? Allowed{2e-4, 2e-5} : Allowed{4e-2, 5e-3};
/// The same without a sum worth mentioning.
template <class T>
inline constexpr Allowed kAllowedElementwise = kIsFloat<T> ? Allowed{2e-5, 2e-6} : Allowed{1.6e-2, 3e-3};
/// A copy is exact.
inline constexpr Allowed kAllowedCopy = {0.0, 0.0};

}  // namespace wb
