// Looks implementations up: tests, benchmarks, the trainer and the plots use implementations<VectorAdd>() or
// find_implementation<VectorAdd>("solution"). registry.h says what registers them.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/error.h"
#include "common/core/registry.h"

namespace wb {

template <class Contract>
struct Implementation {
  std::string name;  // `starter`, `solution`, `library` or the rung's idea
  typename Contract::Function* function;
};

/// Every implementation linked into this program, sorted by name.
template <class Contract>
std::vector<Implementation<Contract>> implementations() {
  std::vector<Implementation<Contract>> entries;
  for (auto entry = detail::Registrar<Contract>::first; entry != nullptr; entry = entry->next) {
    entries.push_back({entry->name, entry->function});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
  return entries;
}

/// The function of the implementation called `name`. Errors: there is none; throws Error with the known
/// names.
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
