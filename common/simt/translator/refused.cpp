#include "translator/refused.h"

#include <algorithm>
#include <iterator>

namespace simt::translator {
namespace {

struct Refusal {
  std::string_view word;
  std::string_view what;
};

constexpr Refusal kRefusals[] = {
    {"asm", "inline PTX"},
    {"__asm__", "inline PTX"},
    {"__asm", "inline PTX"},
    {"__cluster_dims__", "thread-block clusters"},
    {"this_cluster", "thread-block clusters"},
    {"cudaLaunchCooperativeKernel", "grid-wide synchronization"},
    {"cudaLaunchKernelEx", "extensible launches (clusters)"},
    {"cudaTextureObject_t", "textures"},
    {"cudaSurfaceObject_t", "surfaces"},
    {"CUtensorMap", "the tensor memory accelerator (TMA)"},
    {"__pipeline_memcpy_async", "asynchronous copies (cp.async)"},
    {"memcpy_async", "asynchronous copies (cp.async)"},
    {"cudaDeviceSynchronizeFromDevice", "dynamic parallelism"},
};

}  // namespace

std::optional<std::string> reason_to_refuse(const std::vector<Token>& tokens, std::size_t i) {
  const std::string_view word = tokens[i].text;
  const auto* found = std::find_if(std::begin(kRefusals), std::end(kRefusals),
                                   [&](const Refusal& r) { return r.word == word; });
  if (found == std::end(kRefusals)) return std::nullopt;
  // A member or variable of the same name is allowed.
  if (i > 0 && (tokens[i - 1].text == "." || tokens[i - 1].text == "->")) return std::nullopt;
  return "the CPU device (simt) has no " + std::string(found->what) +
         ": move this to a file named *_cuda.cu, which only the CUDA build compiles";
}

}  // namespace simt::translator
