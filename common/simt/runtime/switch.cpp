#include "runtime/switch.h"

#ifdef SIMT_BOOST_SWITCH

#include <boost/context/detail/fcontext.hpp>

namespace simt::detail {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

void (*g_entry)() = nullptr;  // one in this program: BlockRunner's

// The side that continues records the position of the side that stopped.
void arrive(transfer_t from) {
  *static_cast<StackPointer*>(from.data) = from.fctx;
}

void first_arrival(transfer_t from) {
  arrive(from);
  g_entry();
}

}  // namespace

StackPointer prepare_stack(char* top, std::size_t bytes, void (*entry)()) {
  g_entry = entry;
  return make_fcontext(top, bytes, first_arrival);
}

extern "C" void simt_switch_stack(StackPointer* from, StackPointer to) {
  arrive(jump_fcontext(to, from));
}

}  // namespace simt::detail

#else

#include <cstdint>

// The registers that a call preserves are saved on the old stack and loaded from the new one.
//
// It ends with a jump, not with a return. The processor predicts a return from the latest call, which was
// made by the thread that now waits, often at another barrier than the one where the next thread continues.
// It predicts a jump from its history, which repeats. The callers that matter for speed end with a call of
// this function, so that the jump leads directly back into the kernel.
asm(R"(
.text
.globl simt_switch_stack
.type simt_switch_stack, @function
.p2align 4
simt_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmp *%rcx
.size simt_switch_stack, . - simt_switch_stack
)");

namespace simt::detail {

StackPointer prepare_stack(char* top, std::size_t, void (*entry)()) {
  // As after a call of `entry`: the stack is aligned to 16 bytes above the return address. The return address
  // is null, which ends the chain of calls.
  auto* stack =
      reinterpret_cast<std::uintptr_t*>(reinterpret_cast<std::uintptr_t>(top) & ~std::uintptr_t{15});
  *--stack = 0;
  *--stack = reinterpret_cast<std::uintptr_t>(entry);
  for (int saved = 0; saved < 6; ++saved) *--stack = 0;
  return stack;
}

}  // namespace simt::detail

#endif
