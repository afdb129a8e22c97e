#include "07_tinyllama/trainer/kernels.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <type_traits>

#include "07_tinyllama/trainer/kernel_visitor.h"
#include "common/core/device_info.h"
#include "common/core/implementations.h"

namespace wb {
namespace {

template <class Contract>
bool has(std::string_view name) {
  const auto all = implementations<Contract>();
  return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.name == name; });
}

// One part of a request: "solution" (every operation that has it) or "swiglu=naive".
struct Rule {
  std::string target;  // an operation, a contract, or empty for all
  std::string implementation;
};

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::vector<Rule> parse(std::string_view request) {
  std::vector<Rule> rules;
  while (!request.empty()) {
    const auto comma = request.find(',');
    const std::string_view part = trim(request.substr(0, comma));
    request = comma == std::string_view::npos ? std::string_view{} : request.substr(comma + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) {
      rules.push_back({"", std::string(part)});
    } else {
      rules.push_back(
          {std::string(trim(part.substr(0, equals))), std::string(trim(part.substr(equals + 1)))});
    }
  }
  return rules;
}

// Whether a rule is about this contract and no other, or about its operation. The suffix of a precision may
// be left out.
template <class Contract>
bool names(const Rule& rule, const char* operation) {
  if (rule.target == operation || rule.target == Contract::kName) return true;
  return rule.target + "_bf16" == Contract::kName || rule.target + "_tf32" == Contract::kName;
}

// Without this, a rule that matches nothing would be ignored in silence.
void require_rules_match(const std::vector<Rule>& rules, Precision precision) {
  for (const Rule& rule : rules) {
    bool target_known = rule.target.empty();
    bool name_known = rule.implementation == "auto";
    KernelSet unused;
    for_each_contract(unused, precision, [&]<class Contract>(const char* operation, auto*&) {
      const bool matches = rule.target.empty() || names<Contract>(rule, operation);
      target_known |= matches;
      name_known |= matches && has<Contract>(rule.implementation);
    });
    if (target_known && name_known) continue;
    const std::string where = precision == Precision::kFp32 ? "" : fmt::format(" in {}", name_of(precision));
    const std::string what = !target_known ? fmt::format("operation '{}'", rule.target)
                                           : fmt::format("implementation '{}'{}", rule.implementation,
                                                         rule.target.empty() ? "" : " of " + rule.target);
    throw Error(fmt::format("--kernels: no {}{}; there are {}", what, where, available_kernels(precision)));
  }
}

template <class Contract>
constexpr bool kIsAttentionBf16 =
    std::is_same_v<Contract, AttentionMemoryUseBf16> || std::is_same_v<Contract, AttentionForwardBf16> ||
    std::is_same_v<Contract, AttentionBackwardBf16>;

// A tuned library where there is one, and it gives the same bits in every run. Without a GPU an
// implementation that has no barriers: one is a switch of stacks for every thread there, which costs more
// than tiles, or rows that a block shares, save.
template <class Contract>
std::string automatic_choice() {
  if (has<Contract>("library") && !(kIsAttentionBf16<Contract> && adds_in_any_order("library"))) {
    return "library";
  }
  for (const char* name : {"thread_per_query", "thread_per_row"}) {
    if (device_is_cpu() && has<Contract>(name)) return name;
  }
  if (has<Contract>("solution")) return "solution";
  const auto all = implementations<Contract>();
  return all.empty() ? "solution" : all.front().name;
}

// The name that the rules give a contract; later rules win.
template <class Contract>
std::string choose(const char* operation, const std::vector<Rule>& rules) {
  const std::string automatic = automatic_choice<Contract>();
  std::string chosen = automatic;
  for (const Rule& rule : rules) {
    const bool named = names<Contract>(rule, operation);
    if (!named && !rule.target.empty()) continue;
    if (rule.implementation == "auto") {
      chosen = automatic;
    } else if (named || has<Contract>(rule.implementation)) {
      chosen = rule.implementation;
    }
  }
  return chosen;
}

// What attention's forward saves, only the backward of the same name can read.
void require_one_attention(const KernelSet& kernels) {
  std::string first;
  for (const KernelChoice& choice : kernels.choices) {
    if (choice.operation != "attention") continue;
    if (first.empty()) first = choice.implementation;
    if (choice.implementation != first) {
      throw Error(
          fmt::format("--kernels: {} is '{}' but the rest of attention is '{}'; they share memory, so choose "
                      "them together: attention=NAME",
                      choice.contract, choice.implementation, first));
    }
  }
}

}  // namespace

bool adds_in_any_order(std::string_view attention) {
  for (const auto& entry : implementations<AttentionArithmeticBf16>()) {
    if (entry.name == attention) return entry.function().any_order;
  }
  return false;
}

KernelSet select_kernels(std::string_view request, Precision precision) {
  const std::vector<Rule> rules = parse(request);
  require_rules_match(rules, precision);
  KernelSet kernels;
  kernels.precision = precision;
  // What computes beside a model of bf16 (a sampler, a test) finds the fp32 kernels filled in as well.
  if (precision == Precision::kBf16) {
    static_cast<Kernels<float>&>(kernels) = select_kernels("auto", Precision::kFp32);
  }
  for_each_contract(kernels, precision, [&]<class Contract>(const char* operation, auto*& function) {
    const auto found = find_implementation<Contract>(choose<Contract>(operation, rules));
    function = found.function;
    kernels.choices.push_back({operation, Contract::kName, found.name});
  });
  require_one_attention(kernels);
  return kernels;
}

std::string describe(const KernelSet& kernels) {
  // An operation whose contracts all got the same name is one word; the rest are spelled out.
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < kernels.choices.size();) {
    std::size_t end = i;
    bool same = true;
    for (; end < kernels.choices.size() && kernels.choices[end].operation == kernels.choices[i].operation;
         ++end) {
      same &= kernels.choices[end].implementation == kernels.choices[i].implementation;
    }
    for (; i < end; ++i) {
      const KernelChoice& choice = kernels.choices[i];
      parts.push_back(fmt::format("{} {}", same ? choice.operation : choice.contract, choice.implementation));
      if (same) i = end - 1;
    }
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string available_kernels(Precision precision) {
  std::vector<std::string> operations;
  std::map<std::string, std::vector<std::string>> names;
  KernelSet unused;
  for_each_contract(unused, precision, [&]<class Contract>(const char* operation, auto*&) {
    if (!names.contains(operation)) operations.emplace_back(operation);
    std::vector<std::string>& known = names[operation];
    for (const auto& entry : implementations<Contract>()) {
      if (std::find(known.begin(), known.end(), entry.name) == known.end()) known.push_back(entry.name);
    }
  });
  std::string text;
  for (const std::string& operation : operations) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", operation, fmt::join(names[operation], ", "));
  }
  return text;
}

}  // namespace wb
