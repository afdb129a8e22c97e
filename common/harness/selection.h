// Which implementations this program runs: all that are linked, or those that --impl (or WB_IMPL) names.
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

/// Called before main(): the program runs only these contracts, even if its cases declare others. A ladder
/// has implementations of only some contracts of an exercise.
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

/// Throws wb::Error if a declared contract has no implementation, or if a name in the filter is not an
/// implementation of any contract: a program that runs less than was asked for must not pass. Two things may
/// be missing: the bf16 twin of an existing implementation, and contracts that restrict_to_contracts leaves
/// out.
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

/// The function that an operation under test should call for another operation: the vendor library's if this
/// program is linked with it, else the solution's.
template <class Contract>
typename Contract::Function* library_or_solution() {
  for (const auto& entry : implementations<Contract>()) {
    if (entry.name == "library") return entry.function;
  }
  return find_implementation<Contract>("solution").function;
}

}  // namespace wb
