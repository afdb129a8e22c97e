// Which implementations this program runs: all it links, or those that --impl (or WB_IMPL) names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/core/implementations.h"

namespace wb {
namespace detail {

/// A contract that this program tests or measures, and the implementations it links.
struct DeclaredContract {
  std::string name;
  std::vector<std::string> (*implementation_names)();
};

void add_declared_contract(const DeclaredContract& contract);
const std::vector<DeclaredContract>& declared_contracts();

/// Before main(): the program is about these contracts alone, whatever else its cases declare. A ladder
/// climbs some contracts of an exercise, and has no implementations of the others.
bool restrict_to_contracts(const std::vector<std::string>& names);

template <class Contract>
bool declare_contract() {
  add_declared_contract({Contract::kName, [] {
                           std::vector<std::string> names;
                           for (const auto& entry : implementations<Contract>()) names.push_back(entry.name);
                           return names;
                         }});
  return true;
}

}  // namespace detail

/// True if no filter is set or the filter, a comma-separated list, holds `name`.
bool implementation_is_selected(std::string_view name);
/// Until it is set, the filter is the value of the environment variable WB_IMPL. Empty means all.
const std::string& implementation_filter();
void set_implementation_filter(std::string filter);

/// Throws wb::Error if a declared contract has no implementation at all, or if a name in the filter
/// is no implementation of any: a program that runs less than was asked must not pass. A bf16 twin may be
/// missing beside what is there, and so may all that the program is not about (restrict_to_contracts).
void require_selected_implementations();

/// One line for each contract: `vector_add: solution, vectorized`.
std::string describe_selection();

template <class Contract>
std::vector<Implementation<Contract>> selected_implementations() {
  std::vector<Implementation<Contract>> selected;
  for (auto& entry : implementations<Contract>()) {
    if (implementation_is_selected(entry.name)) selected.push_back(entry);
  }
  return selected;
}

/// The best there is for an operation that calls another one: the vendor library's function where this
/// program links it, else the solution's.
template <class Contract>
typename Contract::Function* library_or_solution() {
  for (const auto& entry : implementations<Contract>()) {
    if (entry.name == "library") return entry.function;
  }
  return find_implementation<Contract>("solution").function;
}

}  // namespace wb
