#include "common/harness/selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "common/core/error.h"

namespace wb {
namespace {

std::string& filter_storage() {
  static std::string filter = [] {
    const char* value = std::getenv("WB_IMPL");
    return std::string(value == nullptr ? "" : value);
  }();
  return filter;
}

std::vector<detail::DeclaredContract>& contract_storage() {
  static std::vector<detail::DeclaredContract> contracts;
  return contracts;
}

// Empty: all that are declared.
std::vector<std::string>& restriction_storage() {
  static std::vector<std::string> names;
  return names;
}

bool is_beside_the_point(const detail::DeclaredContract& contract) {
  const auto& names = restriction_storage();
  return !names.empty() && std::find(names.begin(), names.end(), contract.name) == names.end();
}

// A starter computes only in fp32, but its benchmark is that of all implementations: it measures the
// contracts that have one.
bool is_left_out(const detail::DeclaredContract& contract) {
  if (is_beside_the_point(contract)) return true;
  const auto is_implemented = [](const detail::DeclaredContract& other) {
    return !other.implementation_names().empty();
  };
  return contract.name.find("_bf16") != std::string::npos && !is_implemented(contract) &&
         std::any_of(contract_storage().begin(), contract_storage().end(), is_implemented);
}

// A comma without a name beside it gives an empty name.
std::vector<std::string> names_in_filter() {
  std::vector<std::string> names;
  for (std::string_view rest = implementation_filter(); !rest.empty();) {
    const std::size_t comma = rest.find(',');
    names.emplace_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
    if (rest.empty()) names.emplace_back();
  }
  return names;
}

std::vector<std::string> selected_names(const detail::DeclaredContract& contract) {
  std::vector<std::string> names = contract.implementation_names();
  std::erase_if(names, [](const std::string& name) { return !implementation_is_selected(name); });
  return names;
}

}  // namespace

namespace detail {

void add_declared_contract(const DeclaredContract& contract) {
  auto& contracts = contract_storage();
  const auto same = [&](const DeclaredContract& other) { return other.name == contract.name; };
  if (std::none_of(contracts.begin(), contracts.end(), same)) contracts.push_back(contract);
}

bool restrict_to_contracts(const std::vector<std::string>& names) {
  restriction_storage() = names;
  return true;
}

const std::vector<DeclaredContract>& declared_contracts() {
  return contract_storage();
}

}  // namespace detail

bool implementation_is_selected(std::string_view name) {
  std::string_view rest = implementation_filter();
  if (rest.empty()) return true;
  while (true) {
    const std::size_t comma = rest.find(',');
    if (rest.substr(0, comma) == name) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
}

const std::string& implementation_filter() {
  return filter_storage();
}
void set_implementation_filter(std::string filter) {
  filter_storage() = std::move(filter);
}

void require_selected_implementations() {
  for (const std::string& name : restriction_storage()) {
    const auto is_named = [&](const detail::DeclaredContract& contract) { return contract.name == name; };
    if (std::none_of(contract_storage().begin(), contract_storage().end(), is_named)) {
      throw Error(fmt::format("this program is about {}, but its tests declare no such contract", name));
    }
  }
  std::vector<std::string> unknown = names_in_filter();
  std::string known;
  for (const auto& contract : detail::declared_contracts()) {
    if (is_left_out(contract)) continue;
    const std::vector<std::string> names = contract.implementation_names();
    if (names.empty()) {
      throw Error(
          fmt::format("{}: this program links no implementation of it; is the WB_REGISTER line at the end of "
                      "the .cu file?",
                      contract.name));
    }
    for (const std::string& name : names) std::erase(unknown, name);
    known += fmt::format("{}{}: {}", known.empty() ? "" : "; ", contract.name, fmt::join(names, ", "));
  }
  if (!unknown.empty()) {
    throw Error(fmt::format("no implementation is called '{}'; this program has {}", unknown.front(),
                            known.empty() ? "none" : known));
  }
}

std::string describe_selection() {
  std::string text;
  for (const auto& contract : detail::declared_contracts()) {
    if (is_left_out(contract)) continue;
    const std::vector<std::string> names = selected_names(contract);
    text += fmt::format("{}: {}\n", contract.name,
                        names.empty() ? fmt::format("none called '{}'", implementation_filter())
                                      : fmt::format("{}", fmt::join(names, ", ")));
  }
  return text;
}

}  // namespace wb
