// What a ladder's test program is about: add_ladder(... CONTRACTS ...) names it.
#include "common/harness/selection.h"

namespace {
const bool kRestricted = wb::detail::restrict_to_contracts({WB_LADDER_CONTRACTS});
}
