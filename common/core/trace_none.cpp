// No NVTX: ranges have no sink until a trace is recorded.
#include "common/core/trace.h"

namespace wb {

constinit std::atomic<TraceSink*> detail::trace_sink{nullptr};

}  // namespace wb
