// The switch between two stacks, in one place.
//
// x86-64 has its own, as short as the calling convention allows. Boost.Context does the same for every
// processor, but also saves the floating-point control registers, which makes the processor wait, and cannot
// end a function (a barrier then costs a mispredicted return). Other processors take Boost's; so does a build
// with -DSIMT_BOOST_SWITCH.
#pragma once

#include <cstddef>

#if !defined(__x86_64__) && !defined(SIMT_BOOST_SWITCH)
#define SIMT_BOOST_SWITCH
#endif

namespace simt::detail {

/// A stack that was left: everything needed to go on there.
using StackPointer = void*;

/// A fresh stack below `top` on which `entry` will run. `entry` must not return.
StackPointer prepare_stack(char* top, std::size_t bytes, void (*entry)());

/// Leaves this stack, noting it in *from, and goes on at `to`. Returns when somebody switches to *from.
extern "C" void simt_switch_stack(StackPointer* from, StackPointer to);

}  // namespace simt::detail
