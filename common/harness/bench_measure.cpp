#include "common/harness/bench_measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/error.h"
#include "common/harness/bench_roofs.h"

namespace wb::detail {
namespace {

constexpr double kWarmUpSeconds = 0.02;
constexpr int kMaxWarmUpRounds = 64;
constexpr double kBatchSeconds = 1e-3;  // far above the resolution of events and the gap between two launches
constexpr std::size_t kMaxBatch = 2000;
constexpr std::size_t kMaxSets = 512;
// Servers share last-level caches of hundreds of MB among many users. Only ratios are quoted on the CPU
// device, so this size is enough.
constexpr std::size_t kCpuCacheBytes = std::size_t{16} << 20;

double quantile(const std::vector<double>& sorted, double fraction) {
  const double position = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

}  // namespace

Timing summarize(std::vector<double> seconds) {
  if (seconds.empty()) return {};
  std::sort(seconds.begin(), seconds.end());
  return {quantile(seconds, 0.5), quantile(seconds, 0.25), quantile(seconds, 0.75),
          seconds.front(),        seconds.back(),          seconds.size()};
}

std::optional<std::string> above_roof(const Work& work, double seconds, const Roofs& roofs) {
  const auto refuse = [](double rate, double roof, double unit, const char* name, const char* what) {
    return fmt::format(
        "{:.4g} {} is {:.2f} times the {} of {:.4g} {}: less was done, or timed, than declared", rate / unit,
        name, rate / roof, what, roof / unit, name);
  };
  const double bytes_rate = work.bytes / seconds, flops_rate = work.flops / seconds;
  if (roofs.bytes_per_second > 0 && !(bytes_rate <= kRoofMargin * roofs.bytes_per_second)) {
    return refuse(bytes_rate, roofs.bytes_per_second, 1e9, "GB/s", "copy bandwidth");
  }
  const double flops_roof = work.tensor_cores ? roofs.bf16_flops : roofs.fp32_flops;
  if (flops_roof > 0 && !(flops_rate <= kRoofMargin * flops_roof)) {
    const char* what = work.tensor_cores ? "library's bf16 product" : "fp32 peak";
    return refuse(flops_rate, flops_roof, 1e12, "TFLOP/s", what);
  }
  return {};
}

std::optional<double> fraction_of_roof(const Work& work, double seconds, const Roofs& roofs) {
  if (roofs.bytes_per_second <= 0 || seconds <= 0 || work.host_link) return {};
  const double flops_roof = work.tensor_cores ? roofs.bf16_flops : roofs.fp32_flops;
  if (work.tensor_cores && flops_roof <= 0) return {};
  const double fraction = work.bytes / seconds / roofs.bytes_per_second;
  return flops_roof > 0 ? std::max(fraction, work.flops / seconds / flops_roof) : fraction;
}

std::size_t buffer_sets(std::size_t buffer_bytes, std::size_t cache_bytes) {
  if (buffer_bytes == 0) return 1;
  return std::clamp<std::size_t>((3 * cache_bytes + buffer_bytes - 1) / buffer_bytes, 1, kMaxSets);
}

Roofs measure_roofs(bool tensor_cores) {
  Roofs roofs;
  // A copy on the CPU device uses one core, and kernels use all cores. So the copy is not a limit, and there
  // is no roof.
  if (device_is_cpu()) return roofs;
  const DeviceInfo& device = device_info();
  roofs.fp32_flops = device.peak_fp32_flops;

  const std::size_t bytes = std::min<std::size_t>(std::size_t{1} << 30, device.memory_bytes / 8);
  DeviceBuffer<unsigned char> from(bytes), to(bytes);
  from.fill_bytes(0x5a);
  cudaEvent_t start, stop;
  WB_CUDA_CHECK(cudaEventCreate(&start));
  WB_CUDA_CHECK(cudaEventCreate(&stop));
  std::vector<double> seconds;
  for (int i = 0; i < 25; ++i) {
    WB_CUDA_CHECK(cudaEventRecord(start));
    WB_CUDA_CHECK(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice));
    WB_CUDA_CHECK(cudaEventRecord(stop));
    WB_CUDA_CHECK(cudaEventSynchronize(stop));
    float milliseconds = 0;
    WB_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start, stop));
    if (i >= 5) seconds.push_back(1e-3 * static_cast<double>(milliseconds));
  }
  WB_CUDA_CHECK(cudaEventDestroy(start));
  WB_CUDA_CHECK(cudaEventDestroy(stop));
  roofs.bytes_per_second = 2.0 * static_cast<double>(bytes) / summarize(seconds).median;
  if (tensor_cores) roofs.bf16_flops = measure_bf16_product();
  return roofs;
}

// Runs a step. An exception becomes the row's outcome, so that one bad implementation does not stop the
// others.
template <class Step>
void CaseTimer::guarded(Step step) {
  if (result_.outcome != Outcome::kOk) return;
  try {
    step();
  } catch (const std::exception& error) {
    result_.outcome = Outcome::kError;
    result_.message = error.what();
  }
}

CaseTimer::CaseTimer(const BenchmarkCase& which, const Roofs& roofs) : roofs_(roofs) {
  result_.which = which;
  guarded([&] {
    WB_CUDA_CHECK(cudaEventCreate(&start_));
    WB_CUDA_CHECK(cudaEventCreate(&stop_));
    const std::size_t cache = device_info().l2_bytes;
    result_.sets = buffer_sets(which.buffer_bytes, device_is_cpu() ? std::min(cache, kCpuCacheBytes) : cache);
    session_ = which.open(result_.sets);
    session_->clear();
    session_->call(0, nullptr);
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    if (const auto right = session_->check(0); !right) {
      result_.outcome = Outcome::kWrong;
      result_.message = right.message();
      return;
    }
    session_->clear();

    // Warm up clocks and caches, and learn how many calls a batch needs.
    double total = 0, one_call = 0;
    std::size_t calls = 1;
    for (int round = 0; round < kMaxWarmUpRounds && total < kWarmUpSeconds; ++round) {
      const double seconds = time_batch(calls);
      one_call = seconds / static_cast<double>(calls);
      total += seconds;
      calls = std::min(2 * calls, kMaxBatch);
    }
    if (!(one_call > 0))
      throw Error("events measured no time: does the launcher use the stream it is given?");
    result_.batch =
        static_cast<std::size_t>(std::clamp(std::ceil(kBatchSeconds / one_call), 1.0, double{kMaxBatch}));
    // Set 0 has been used. An implementation that keeps results by their pointers has one of it, which is
    // wrong from now on.
    session_->change_inputs(0);
    session_->clear();
  });
}

CaseTimer::~CaseTimer() {
  // Errors have been reported already.
  if (start_ != nullptr) static_cast<void>(cudaEventDestroy(start_));
  if (stop_ != nullptr) static_cast<void>(cudaEventDestroy(stop_));
}

double CaseTimer::time_batch(std::size_t calls) {
  WB_CUDA_CHECK(cudaEventRecord(start_));
  for (std::size_t i = 0; i < calls; ++i) {
    last_set_ = next_set_;
    session_->call(next_set_, nullptr);
    next_set_ = (next_set_ + 1) % result_.sets;
  }
  WB_CUDA_CHECK(cudaEventRecord(stop_));
  WB_CUDA_CHECK(cudaEventSynchronize(stop_));
  float milliseconds = 0;
  WB_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start_, stop_));
  return 1e-3 * static_cast<double>(milliseconds);
}

double CaseTimer::sample() {
  double seconds = 0;
  guarded([&] {
    seconds = time_batch(result_.batch);
    seconds_.push_back(seconds / static_cast<double>(result_.batch));
  });
  return seconds;
}

Measurement CaseTimer::finish() {
  guarded([&] {
    // The last batch begins with the set whose inputs have changed, and writes its cleared outputs.
    session_->clear();
    next_set_ = 0;
    sample();
    if (result_.outcome != Outcome::kOk) return;
    for (const auto& [set, when] : {std::pair{std::size_t{0},
                                              "once the inputs had changed (is a result kept from an "
                                              "earlier call?)"},
                                    std::pair{last_set_, "after timing"}}) {
      session_->renew(set, nullptr);
      WB_CUDA_CHECK(cudaDeviceSynchronize());
      if (const auto right = session_->check(set); !right) {
        result_.outcome = Outcome::kWrong;
        result_.message = fmt::format("right at first, wrong {}: {}", when, right.message());
        return;
      }
    }
    result_.timing = summarize(seconds_);
    if (const auto refusal = above_roof(result_.which.work, result_.timing.median, roofs_)) {
      result_.outcome = Outcome::kAboveRoof;
      result_.message = *refusal;
    }
  });
  session_.reset();
  return result_;
}

}  // namespace wb::detail
