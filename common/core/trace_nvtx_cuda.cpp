// NVTX: a tool such as nsys shows the ranges above the kernels. Without a tool each call tests a pointer.
#include <nvtx3/nvToolsExt.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "common/core/trace.h"

namespace wb {
namespace {

class NvtxSink final : public TraceSink {
 public:
  void begin(const char* name, int index) noexcept override {
    if (index < 0) {
      nvtxRangePushA(name);
      return;
    }
    char text[64];
    const std::size_t length = std::min(std::strlen(name), sizeof(text) - 16);
    std::memcpy(text, name, length);
    text[length] = ' ';
    *std::to_chars(text + length + 1, text + sizeof(text) - 1, index).ptr = '\0';
    nvtxRangePushA(text);
  }
  void end() noexcept override { nvtxRangePop(); }
};

constinit NvtxSink nvtx;

}  // namespace

constinit std::atomic<TraceSink*> detail::trace_sink{&nvtx};

}  // namespace wb
