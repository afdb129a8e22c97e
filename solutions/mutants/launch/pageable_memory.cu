// Mistake: the memory comes from malloc: it is pageable, and an asynchronous copy of it makes the host wait.
// Caught as: no pinned host memory
#include <cstdlib>

#include "solutions/mutants/launch/mutated.cuh"

namespace wb {
namespace {

cudaError_t pageable_memory(float** memory, std::int64_t n) {
  *memory = static_cast<float*>(std::malloc(mutant::bytes_of(n)));
  return *memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

WB_REGISTER(PinnedFloats, pageable_memory, pageable_memory);

}  // namespace
}  // namespace wb
