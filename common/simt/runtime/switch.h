// The switch between two stacks, in one place.
//
// x86-64 has its own version, which is as short as the calling convention allows. Boost.Context does the same
// for every processor, but it also saves the floating-point control registers, for which the processor waits.
// And it cannot be the last action of a function, so that a barrier causes a mispredicted return. Other
// processors use Boost's version; so does a build with -DSIMT_BOOST_SWITCH.
#pragma once

#include <cstddef>

#if !defined(__x86_64__) && !defined(SIMT_BOOST_SWITCH)
#define SIMT_BOOST_SWITCH
#endif

namespace simt::detail {

/// A stack that was left: everything that is needed to continue there.
using StackPointer = void*;

/// A fresh stack below `top` on which `entry` will run. `entry` must not return.
StackPointer prepare_stack(char* top, std::size_t bytes, void (*entry)());

/// Stores this stack in *from and continues on `to`. Returns after a switch to *from.
extern "C" void simt_switch_stack(StackPointer* from, StackPointer to);

}  // namespace simt::detail
