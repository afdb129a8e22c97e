// The CPU device keeps a timeline of its own: a kernel runs from its first block's
// start to its last block's end.
#include <simt/timeline.h>

#include <algorithm>
#include <atomic>
#include <cctype>

#include "common/core/check.h"
#include "common/profiler/profiler.h"

namespace wb {
namespace {

std::atomic<bool> g_recording{false};

// The timeline names a kernel with the words of its launch. In a template those are the template's own
// parameters, "kernel<kHead>", which say nothing: keep arguments only when they are all numbers.
std::string launched_name(const std::string& name) {
  std::string text = short_kernel_name(name);
  const auto open = text.find('<');
  if (open != std::string::npos && std::any_of(text.begin() + static_cast<std::ptrdiff_t>(open), text.end(),
                                               [](unsigned char c) { return std::isalpha(c) != 0; })) {
    text.resize(open);
  }
  return text;
}

}  // namespace

std::string Profiler::unavailable() {
  return {};
}

void Profiler::start() {
  if (g_recording.exchange(true))
    throw Error("Profiler::start: another profiler is recording; stop it first");
  recording_ = true;
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  simt::timeline_start();
}

std::vector<KernelRecord> Profiler::stop() {
  if (!recording_) throw Error("Profiler::stop: start() was not called");
  recording_ = false;
  g_recording = false;
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  std::vector<KernelRecord> records;
  for (const simt::KernelRecord& record : simt::timeline_stop()) {
    records.push_back({launched_name(record.name), record.start_ns, record.end_ns});
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const KernelRecord& x, const KernelRecord& y) { return x.start_ns < y.start_ns; });
  return records;
}

Profiler::~Profiler() {
  if (!recording_) return;
  g_recording = false;
  simt::timeline_stop();
}

}  // namespace wb
