// Programmatic dependent launch: a kernel that starts while the one before it in the stream still runs.
//
// A kernel launched with kMayStartEarly may begin as soon as every block of the kernel before has called
// let_next_kernel_start or ended, and there is room. It must call wait_for_previous_kernel before it touches
// what that kernel, or any kernel before it, reads or writes; until then it may set up barriers and
// descriptors.
#pragma once

#include <cuda_runtime.h>

namespace wb::hopper {

__device__ inline void wait_for_previous_kernel() {
  asm volatile("griddepcontrol.wait;" ::: "memory");
}

__device__ inline void let_next_kernel_start() {
  asm volatile("griddepcontrol.launch_dependents;");
}

inline cudaLaunchAttribute may_start_early() {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  return attribute;
}

}  // namespace wb::hopper
