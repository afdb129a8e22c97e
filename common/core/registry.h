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
// Who looks implementations up includes implementations.h. Kernel files need only this one.
#pragma once

#include "common/core/check.h"

namespace wb::detail {

// One implementation, in the list of all implementations of its contract. It is a global object of its own
// file.
template <class Contract>
struct Registrar {
  Registrar(const char* its_name, typename Contract::Function* its_function)
      : name(its_name), function(its_function), next(first) {
    first = this;
  }

  const char* name;
  typename Contract::Function* function;
  const Registrar* next;
  static inline const Registrar* first = nullptr;
};

}  // namespace wb::detail

/// Registers `function` as implementation `name` (a bare word) of `Contract`. At namespace scope, once per
/// name.
#define WB_REGISTER(Contract, name, function) \
  static const ::wb::detail::Registrar<Contract> wb_registrar_##Contract##_##name(#name, function)
