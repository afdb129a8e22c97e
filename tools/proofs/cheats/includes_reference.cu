// Includes the reference. WB_REFERENCE: as this build compiles it.
//
// Caught as: includes vector_add_solution
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include WB_REFERENCE

namespace wb {
namespace {

WB_REGISTER(VectorAdd, starter, vector_add_solution);

}  // namespace
}  // namespace wb
