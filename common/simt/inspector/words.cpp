#include "inspector/words.h"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "inspector/findings.h"

namespace simt::inspector {
namespace {

const char* title_of(What what) {
  switch (what) {
    case What::kSharedRace:
      return "race in shared memory";
    case What::kGlobalRace:
      return "race in device memory";
    case What::kStreamRace:
      return "race between streams";
    case What::kOutOfBounds:
      return "out of bounds";
    case What::kUseAfterFree:
      return "use of freed memory";
    case What::kNeverWritten:
      return "read of memory that was never written";
    case What::kMisaligned:
      return "misaligned access";
    case What::kHostMemory:
      return "host memory used by a kernel";
    case What::kDeviceMemory:
      return "device memory used by the host";
    case What::kIndexOverflow:
      return "overflow of a signed integer";
    case What::kShift:
      return "shift by too many bits";
  }
  return "";
}

constexpr const char* kWiderIndex =
    "Compute the index in a 64-bit type: convert one factor to std::size_t before the multiplication, and "
    "keep the result in a 64-bit variable.";

std::string at(uint3 p) {
  return fmt::format("({},{},{})", p.x, p.y, p.z);
}

bool same(uint3 a, uint3 b) {
  return a.x == b.x && a.y == b.y && a.z == b.z;
}

// Why an atomic operation that tells of the first access does not order the second one after it.
std::string order_advice(const Finding::Order& order) {
  const auto& [why, is_update, first, signal, wait, second] = order;
  switch (why) {
    case Missing::kUnknown:
      return "";
    case Missing::kFence:
      return fmt::format(
          "There is no __threadfence() between the {} and the atomic operation at {}, so that operation does "
          "not publish it: put the fence between the two, or make the operation a release.",
          first, signal);
    case Missing::kLaterFence:
      return fmt::format(
          "The {} comes after the last __threadfence() of its thread, so the atomic operation at {} does not "
          "publish it: put the fence between the two.",
          first, signal);
    case Missing::kFenceAfterBarrier:
      return fmt::format(
          "The last __threadfence() before the atomic operation at {} does not come after the {} of another "
          "thread, so that operation does not publish it: put the fence after the barrier that orders the "
          "two.",
          signal, first);
    case Missing::kFenceAfterWait:
      return fmt::format(
          "The {} follows the relaxed atomic operation at {} without a __threadfence(), so it may come too "
          "early, although {} publishes the {}: put the fence after {}, or make that operation an acquire.",
          second, wait, signal, first, wait);
    case Missing::kAtomicWait:
      return fmt::format(
          "The {} follows a load at {} that is not atomic and orders nothing, volatile or not: load the flag "
          "that {} sets with cuda::atomic_ref, as an acquire.",
          second, wait, signal);
    case Missing::kDeviceFence:
      return fmt::format(
          "The fence before the atomic operation at {} is only for the threads of its block, so that "
          "operation does not publish the {} to other blocks: use __threadfence(), or thread_scope_device.",
          signal, first);
    case Missing::kDeviceSignal:
    case Missing::kDeviceWait:
      return fmt::format(
          "The atomic operation at {} has the scope of a block, so it does not order the {} and the {} of "
          "another block: give it the scope of the device.",
          why == Missing::kDeviceSignal ? signal : wait, first, second);
  }
  return "";
}

std::string race_advice(const Finding& finding) {
  const Finding::Order& order = finding.order;
  const bool is_perhaps = order.why == Missing::kFence && order.is_update;
  if (order.why != Missing::kUnknown && !is_perhaps) return order_advice(order);
  const Party &first = finding.parties[0], &second = finding.parties[1];
  const bool one_line = first.file == second.file && first.line == second.line;
  if (finding.what == What::kGlobalRace && !same(first.block, second.block)) {
    if (first.access == "atomic" && second.access == "atomic") {
      return "An atomic operation with the scope of a block is atomic only for the threads of its block: "
             "give it the scope of the device.";
    }
    const auto is = [&](const char* one, const char* other) {
      return (first.access == one && second.access == other) ||
             (first.access == other && second.access == one);
    };
    if (is("read", "atomic")) {
      return "Blocks run at the same time and in any order: read the value with an atomic operation too, "
             "such as a load of cuda::atomic_ref (volatile is not atomic), or in a second kernel.";
    }
    std::string advice =
        "Blocks run at the same time and in any order: use an atomic operation, or let each block write "
        "memory of its own and combine it in a second kernel.";
    if (is_perhaps) {
      advice += fmt::format(
          " If the atomic operation at {} is to tell other blocks of the {}, put __threadfence() between the "
          "two.",
          order.signal, order.first);
    }
    return advice;
  }
  if (one_line && first.access == "write" && second.access == "write") {
    return "Several threads write one element: let one thread write it, give each thread an element of its "
           "own, or "
           "use an atomic operation.";
  }
  if (first.access != second.access && (first.access == "atomic" || second.access == "atomic")) {
    return "An atomic operation protects only against other atomic operations: put __syncthreads() between "
           "the two.";
  }
  if (one_line && finding.what == What::kGlobalRace) {
    return "Several threads read and change one element: use an atomic operation, or let one thread do it.";
  }
  if (one_line) {
    return "Threads read what others write in the same line: separate the reads from the writes with "
           "__syncthreads().";
  }
  return fmt::format(
      "No barrier orders lines {} and {} of different threads: put __syncthreads() between the two, in a "
      "loop also before the next round (__syncwarp() where only lanes of one warp take part).",
      first.line, second.line);
}

std::string stream_advice(const Finding& finding) {
  for (const Party& party : finding.parties) {
    if (party.by == "the host")
      return "A stream runs at the same time as the host: wait with cudaStreamSynchronize() before the host "
             "uses memory that the stream uses.";
  }
  return "Different streams run at the same time: after the first operation, record an event in its stream "
         "(cudaEventRecord), and let the other stream wait for it (cudaStreamWaitEvent).";
}

}  // namespace

const char* name_of(What what) {
  switch (what) {
    case What::kSharedRace:
      return "shared_race";
    case What::kGlobalRace:
      return "global_race";
    case What::kStreamRace:
      return "stream_race";
    case What::kOutOfBounds:
      return "out_of_bounds";
    case What::kUseAfterFree:
      return "use_after_free";
    case What::kNeverWritten:
      return "never_written";
    case What::kMisaligned:
      return "misaligned";
    case What::kHostMemory:
      return "host_memory";
    case What::kDeviceMemory:
      return "device_memory";
    case What::kIndexOverflow:
      return "index_overflow";
    case What::kShift:
      return "shift";
  }
  return "";
}

std::string advice_for(const Finding& finding) {
  switch (finding.what) {
    case What::kSharedRace:
    case What::kGlobalRace:
      return race_advice(finding);
    case What::kStreamRace:
      return stream_advice(finding);
    case What::kOutOfBounds:
      if (finding.memory.ends_with(kOfFarOperand)) return kWiderIndex;
      if (finding.memory.ends_with("the 0 bytes of dynamic shared memory"))
        return "The launch gives the kernel no dynamic shared memory: its bytes are the third value in "
               "<<<blocks, threads, bytes>>>.";
      return "Compare the index with the size of the array before the access, and the size of the array with "
             "the number of threads.";
    case What::kUseAfterFree:
      return "Free memory only after the last kernel that uses it.";
    case What::kNeverWritten:
      if (finding.parties.back().access != "atomic")
        return "Write the element before it is read, or leave it out of the loop that reads.";
      return finding.memory.find("shared ") != std::string::npos
                 ? "Let threads of the block set the shared memory to a start value, and put __syncthreads() "
                   "before the first atomic operation."
                 : "Set the memory to a start value before kernels add to it.";
    case What::kMisaligned:
      return "A vector access needs an address that is a multiple of its size: check the address first, and "
             "use single elements otherwise.";
    case What::kHostMemory:
      return "A GPU cannot reach this address: copy the data to device memory and pass that pointer.";
    case What::kDeviceMemory:
      return "The host cannot access the memory of a GPU: copy it with cudaMemcpy, and wait for the kernels "
             "that write it.";
    case What::kIndexOverflow:
      return kWiderIndex;
    case What::kShift:
      return "C++ does not define the result: a GPU shifts all bits out, and this machine shifts by the "
             "remainder of a division by the width. Treat the full width separately, such as 0xffffffffu "
             "for all 32 lanes.";
  }
  return "";
}

std::string to_text(const Finding& finding) {
  const bool in_kernel = finding.what != What::kDeviceMemory && finding.what != What::kStreamRace;
  const bool with_host = std::any_of(finding.parties.begin(), finding.parties.end(),
                                     [](const Party& party) { return party.by == "the host"; });
  const char* title = finding.what == What::kStreamRace && with_host ? "race between the host and a stream"
                                                                     : title_of(finding.what);
  std::string text =
      fmt::format("{}{}: {}", title, in_kernel ? " in kernel " + finding.kernel : "", finding.memory);
  if (finding.count > 1) text += fmt::format(" ({} times)", finding.count);
  for (const Party& party : finding.parties) {
    const std::size_t slash = party.file.rfind('/');
    const std::string file = slash == std::string::npos ? party.file : party.file.substr(slash + 1);
    const std::string place = party.line == 0 ? "unknown line" : fmt::format("{}:{}", file, party.line);
    const std::string thread = fmt::format("block {}, thread {}", at(party.block), at(party.thread));
    const std::string who = !party.is_kernel ? party.by : in_kernel ? thread : party.by + ", " + thread;
    const bool is_value = finding.what == What::kIndexOverflow || finding.what == What::kShift;
    const std::string how = is_value ? "computed" : party.access;
    text += fmt::format("\n  {}: {} by {}", place, how, who);
    if (!party.text.empty()) text += fmt::format("\n      {}", party.text);
  }
  return text + "\n  " + finding.advice;
}

nlohmann::json to_json(const Finding& finding) {
  nlohmann::json parties = nlohmann::json::array();
  const auto triple = [](uint3 p) { return nlohmann::json::array({p.x, p.y, p.z}); };
  for (const Party& party : finding.parties) {
    parties.push_back({{"access", party.access},
                       {"file", party.file},
                       {"line", party.line},
                       {"text", party.text},
                       {"by", party.by},
                       {"block", triple(party.block)},
                       {"thread", triple(party.thread)}});
  }
  return {{"what", name_of(finding.what)}, {"kernel", finding.kernel},
          {"memory", finding.memory},      {"parties", parties},
          {"count", finding.count},        {"advice", finding.advice},
          {"text", to_text(finding)}};
}

}  // namespace simt::inspector
