// What the compiler's own checks call (-fsanitize=bounds,alignment,signed-integer-overflow,shift-exponent,
// and with Clang conversions): a place in the source, types, values. The layouts are those that GCC and Clang
// document for their runtime, libubsan.
#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "inspector/watch.h"
#include "runtime/block_runner.h"
#include "runtime/failure.h"

using namespace simt::inspector;

namespace {

struct SourceLocation {
  const char* file;
  std::uint32_t line, column;
};
struct TypeDescriptor {
  std::uint16_t kind;  // 0: integer
  std::uint16_t info;  // integers: bit 0 signed, the rest the logarithm of the width
  char name[1];        // in quotes
};
struct OutOfBounds {
  SourceLocation location;
  const TypeDescriptor *array, *index;
};
struct TypeMismatch {
  SourceLocation location;
  const TypeDescriptor* type;
  unsigned char log_alignment;
  unsigned char check;  // 0: load, 1: store
};
struct Overflow {
  SourceLocation location;
  const TypeDescriptor* type;
};
struct ImplicitConversion {
  SourceLocation location;
  const TypeDescriptor *from, *to;
  unsigned char kind;
};
struct Shift {
  SourceLocation location;
  const TypeDescriptor *type, *bits;
};

constexpr auto kUnknown = static_cast<Kind>(4);  // of accesses that the compiler checks without their kind

std::string plain_name(const TypeDescriptor* type) {
  std::string name = type->name;
  std::erase(name, '\'');
  if (name.starts_with("struct ")) name.erase(0, 7);
  return name;
}

// Values of up to 64 bits come in the handle itself.
std::string value_of(const TypeDescriptor* type, std::uintptr_t handle) {
  if (type->kind != 0 || type->info >> 1 > 6) return "?";
  const int unused = 64 - (1 << (type->info >> 1));
  const auto shifted = static_cast<std::uint64_t>(handle) << unused;
  return (type->info & 1) != 0 ? fmt::format("{}", static_cast<std::int64_t>(shifted) >> unused)
                               : fmt::format("{}", shifted >> unused);
}

Site site_of(const SourceLocation& location) {
  return {0, location.file, location.line};
}

void overflow(const Overflow* data, std::uintptr_t left, const char* sign, std::uintptr_t right) {
  if (watch == nullptr) return;
  watch->report_at(What::kIndexOverflow, site_of(data->location), kUnknown,
                   fmt::format("{} {} {} does not fit into {}", value_of(data->type, left), sign,
                               value_of(data->type, right), plain_name(data->type)));
}

}  // namespace

#define HOOK extern "C" [[gnu::used, gnu::visibility("default")]]

// The access would change other arrays, or the runtime's own variables beside them. So the thread ends here,
// and the kernel ends as soon as other threads wait for it. Until then they may have more findings.
HOOK void __ubsan_handle_out_of_bounds(const OutOfBounds* data, std::uintptr_t index) {
  if (watch == nullptr) return;
  const std::string what =
      fmt::format("index {} of an array of type {}", value_of(data->index, index), plain_name(data->array));
  watch->report_at(What::kOutOfBounds, site_of(data->location), kUnknown, what);
  watch->lose_thread();
  simt::detail::BlockRunner& runner = *simt::detail::context.runner;
  runner.fail_thread(cudaErrorIllegalAddress,
                     fmt::format("{}: {}, at {}:{}", runner.where(), what,
                                 simt::detail::base_name(data->location.file), data->location.line));
}

HOOK void __ubsan_handle_type_mismatch_v1(const TypeMismatch* data, std::uintptr_t address) {
  if (watch == nullptr || data->log_alignment == 0) return;
  const unsigned alignment = 1u << data->log_alignment;
  if (address % alignment == 0) return;
  watch->report_at(What::kMisaligned, site_of(data->location), data->check == 1 ? kWrite : kRead,
                   fmt::format("a {} at an address that leaves {} when divided by {}", plain_name(data->type),
                               address % alignment, alignment));
}

HOOK void __ubsan_handle_add_overflow(const Overflow* data, std::uintptr_t left, std::uintptr_t right) {
  overflow(data, left, "+", right);
}
HOOK void __ubsan_handle_sub_overflow(const Overflow* data, std::uintptr_t left, std::uintptr_t right) {
  overflow(data, left, "-", right);
}
HOOK void __ubsan_handle_mul_overflow(const Overflow* data, std::uintptr_t left, std::uintptr_t right) {
  overflow(data, left, "*", right);
}
HOOK void __ubsan_handle_divrem_overflow(const Overflow* data, std::uintptr_t left, std::uintptr_t right) {
  overflow(data, left, "/", right);
}
HOOK void __ubsan_handle_negate_overflow(const Overflow* data, std::uintptr_t value) {
  if (watch == nullptr) return;
  watch->report_at(
      What::kIndexOverflow, site_of(data->location), kUnknown,
      fmt::format("-({}) does not fit into {}", value_of(data->type, value), plain_name(data->type)));
}
// Only Clang has this check (-fsanitize=implicit-signed-integer-truncation).
HOOK void __ubsan_handle_implicit_conversion(const ImplicitConversion* data, std::uintptr_t value,
                                             std::uintptr_t) {
  if (watch == nullptr) return;
  watch->report_at(What::kIndexOverflow, site_of(data->location), kUnknown,
                   fmt::format("{} of type {} does not fit into {}", value_of(data->from, value),
                               plain_name(data->from), plain_name(data->to)));
}
HOOK void __ubsan_handle_shift_out_of_bounds(const Shift* data, std::uintptr_t value, std::uintptr_t bits) {
  if (watch == nullptr) return;
  watch->report_at(
      What::kShift, site_of(data->location), kUnknown,
      fmt::format("{} shifted by {}, in {} of {} bits", value_of(data->type, value),
                  value_of(data->bits, bits), plain_name(data->type), 1 << (data->type->info >> 1)));
}
HOOK void __ubsan_handle_pointer_overflow(const SourceLocation*, std::uintptr_t, std::uintptr_t) {}
