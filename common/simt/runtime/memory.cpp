// The memory part of the runtime API.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "runtime/allocations.h"
#include "runtime/capture.h"
#include "runtime/failure.h"
#include "runtime/host_memory.h"
#include "runtime/inspector.h"
#include "runtime/scheduler.h"
#include "runtime/transfer.h"
#include "simt/api.h"
#include "simt/context.h"
#include "simt/memory_use.h"

namespace simt::detail {
namespace {

// A worker's share of a fill: long enough that taking it costs almost nothing.
constexpr std::size_t kFillPart = std::size_t{128} << 10;

// Device memory is an allocation of this runtime. Any other address may be the program's own memory.
cudaError_t check_side(const char* call, const char* side, const void* pointer, std::size_t bytes,
                       bool device) {
  const auto allocation = find_allocation(pointer);
  if (!allocation) {
    if (!device) return cudaSuccess;
    explain(fmt::format("{}: the {} is not device memory, but the copy direction says so", call, side));
    return cudaErrorInvalidValue;
  }
  if (!device && allocation->type == cudaMemoryTypeDevice) {
    explain(fmt::format("{}: the {} is device memory, but the copy direction says host", call, side));
    return cudaErrorInvalidValue;
  }
  const std::size_t room =
      allocation->bytes - (reinterpret_cast<std::uintptr_t>(pointer) - allocation->address);
  if (bytes > room) {
    explain(fmt::format("{}: {} bytes, but the {} has room for {}", call, bytes, side, room));
    return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

cudaError_t check_copy(const char* call, const void* to, const void* from, std::size_t bytes,
                       cudaMemcpyKind kind) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  if (bytes == 0) return cudaSuccess;
  if (to == nullptr || from == nullptr) return cudaErrorInvalidValue;
  const auto on_device = [kind](const void* p, bool by_kind) {
    if (kind != cudaMemcpyDefault) return by_kind;
    const auto allocation = find_allocation(p);
    return allocation && is_device(allocation->type);
  };
  const bool to_device = on_device(to, kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice);
  const bool from_device =
      on_device(from, kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice);
  const cudaError_t code = check_side(call, "destination", to, bytes, to_device);
  return code != cudaSuccess ? code : check_side(call, "source", from, bytes, from_device);
}

// Tells the inspector what the runtime itself writes.
void note_written(const void* to, std::size_t bytes) {
  if (inspector != nullptr) inspector->written(to, bytes);
}
void copy_bytes(void* to, const void* from, std::size_t bytes) {
  std::memmove(to, from, bytes);
  note_written(to, bytes);
}

cudaError_t submit_operation(cudaStream_t handle, std::shared_ptr<Operation> operation) {
  if (on_worker()) return cudaErrorNotPermitted;
  Scheduler& scheduler = Scheduler::get();
  Stream* stream = scheduler.find(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  const cudaError_t code = not_ordered_by_capture(stream);
  if (code != cudaSuccess) return code;
  if (device_error() == cudaSuccess) scheduler.submit(stream, std::move(operation));
  return cudaSuccess;
}

// In the order of the null stream. The work is complete when the call returns.
template <class Work>
cudaError_t run_now(const Transfer& transfer, Work work) {
  if (on_worker()) return cudaErrorNotPermitted;
  const cudaError_t code = refused_by_capture(transfer.call);
  if (code != cudaSuccess) return code;
  // On a GPU the host waits for copies between host and device alone.
  if (transfer.direction == cudaMemcpyDeviceToDevice) note_transfer(transfer.call, nullptr);
  TimelineRecord record = transfer.record();
  note_submission(record);
  Scheduler::get().wait_blocking_streams();
  if (inspector != nullptr) transfer.tell_inspector(Scheduler::get().work_of_host());
  record.start_ns = nanoseconds();
  if (device_error() == cudaSuccess) work();
  record.end_ns = nanoseconds();
  if (record.submitted_ns != 0) record_on_timeline(std::move(record));
  return cudaSuccess;
}

template <class Work>
cudaError_t run_in_stream(cudaStream_t handle, const Transfer& transfer, bool now, Work work) {
  note_transfer(transfer.call, handle);
  const cudaError_t code = submit_transfer(handle, transfer, 1, [work](std::uint64_t) { work(); });
  return !now || code != cudaSuccess ? code : cudaStreamSynchronize(handle);
}

void copy_rows(char* to, std::size_t to_pitch, const char* from, std::size_t from_pitch, std::size_t width,
               std::size_t height) {
  for (std::size_t row = 0; row < height; ++row)
    copy_bytes(to + row * to_pitch, from + row * from_pitch, width);
}

}  // namespace

cudaError_t submit_transfer(cudaStream_t handle, const Transfer& transfer, std::uint64_t parts,
                            std::function<void(std::uint64_t)> work) {
  auto operation = std::make_shared<Operation>();
  operation->name = transfer.call;
  operation->shown = transfer.record();
  operation->on_timeline = true;
  operation->total = parts;
  operation->work = std::move(work);
  const cudaError_t code = submit_operation(handle, operation);
  transfer.tell_inspector(operation->point);
  return code;
}

cudaError_t copy_to_symbol(void* symbol, std::size_t size, const void* from, std::size_t bytes,
                           std::size_t offset, cudaMemcpyKind kind, cudaStream_t stream, bool wait) {
  if (from == nullptr || offset > size || bytes > size - offset) return result(cudaErrorInvalidValue);
  const auto work = [=] { std::memcpy(static_cast<char*>(symbol) + offset, from, bytes); };
  if (wait) return result(run_now({"cudaMemcpyToSymbol", RecordKind::kCopy, bytes, kind}, work));
  return result(run_in_stream(
      stream, {"cudaMemcpyToSymbolAsync", RecordKind::kCopy, bytes, kind, {{from, bytes, false}}},
      pageable(from), work));
}

cudaError_t copy_from_symbol(void* to, const void* symbol, std::size_t size, std::size_t bytes,
                             std::size_t offset, cudaMemcpyKind kind, cudaStream_t stream, bool wait) {
  if (to == nullptr || offset > size || bytes > size - offset) return result(cudaErrorInvalidValue);
  const auto work = [=] { std::memcpy(to, static_cast<const char*>(symbol) + offset, bytes); };
  if (wait) return result(run_now({"cudaMemcpyFromSymbol", RecordKind::kCopy, bytes, kind}, work));
  return result(run_in_stream(
      stream, {"cudaMemcpyFromSymbolAsync", RecordKind::kCopy, bytes, kind, {{to, bytes, true}}},
      pageable(to), work));
}

cudaError_t symbol_address(void** pointer, const void* symbol, std::size_t size) {
  if (pointer == nullptr) return result(cudaErrorInvalidValue);
  *pointer = const_cast<void*>(symbol);
  note(*pointer, size, cudaMemoryTypeDevice);
  return result(cudaSuccess);
}

}  // namespace simt::detail

using namespace simt::detail;

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  const cudaError_t code = refused_by_capture("cudaMalloc");
  if (code != cudaSuccess) return result(code);
  return result(allocate(pointer, bytes, cudaMemoryTypeDevice));
}

cudaError_t cudaMallocManaged(void** pointer, std::size_t bytes, unsigned) {
  if (bytes == 0) return result(cudaErrorInvalidValue);
  return result(allocate(pointer, bytes, cudaMemoryTypeManaged));
}

// Waits for the device, as CUDA's does: a kernel may still use the memory.
cudaError_t cudaFree(void* pointer) {
  if (pointer == nullptr) return result(cudaSuccess);
  if (on_worker()) return cudaErrorNotPermitted;
  const cudaError_t code = refused_by_capture("cudaFree");
  if (code != cudaSuccess) return result(code);
  Scheduler::get().wait_all();
  return result(deallocate(pointer, false));
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return result(allocate(pointer, bytes, cudaMemoryTypeHost));
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes, unsigned flags) {
  return cudaHostAlloc(pointer, bytes, flags);
}

cudaError_t cudaFreeHost(void* pointer) {
  if (pointer == nullptr) return result(cudaSuccess);
  if (on_worker()) return cudaErrorNotPermitted;
  Scheduler::get().wait_all();
  return result(deallocate(pointer, true));
}

cudaError_t cudaHostRegister(void* pointer, std::size_t bytes, unsigned) {
  if (pointer == nullptr || bytes == 0) return result(cudaErrorInvalidValue);
  if (find_allocation(pointer)) return result(cudaErrorHostMemoryAlreadyRegistered);
  note(pointer, bytes, cudaMemoryTypeHost);
  return result(cudaSuccess);
}

cudaError_t cudaHostUnregister(void* pointer) {
  const auto allocation = find_allocation(pointer);
  if (!allocation || allocation->mapping != nullptr || !forget(pointer)) {
    return result(cudaErrorHostMemoryNotRegistered);
  }
  return result(cudaSuccess);
}

cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
  if (Scheduler::get().find(stream) == nullptr) return result(cudaErrorInvalidResourceHandle);
  return result(allocate(pointer, bytes, cudaMemoryTypeDevice));
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  if (pointer == nullptr) return result(cudaErrorInvalidValue);
  const auto allocation = find_allocation(pointer);
  if (!allocation || allocation->address != reinterpret_cast<std::uintptr_t>(pointer)) {
    return result(cudaErrorInvalidValue);
  }
  auto operation = std::make_shared<Operation>();
  operation->name = "cudaFreeAsync";
  operation->work = [=](std::uint64_t) { deallocate(pointer, false); };
  return result(submit_operation(stream, std::move(operation)));
}

cudaError_t cudaMallocPitch(void** pointer, std::size_t* pitch, std::size_t width, std::size_t height) {
  if (pitch == nullptr) return result(cudaErrorInvalidValue);
  *pitch = (width + 511) / 512 * 512;
  return cudaMalloc(pointer, *pitch * height);
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  if (free_bytes == nullptr || total_bytes == nullptr) return result(cudaErrorInvalidValue);
  *total_bytes = host_memory_total();
  *free_bytes = std::min(host_memory_total() - device_bytes_in_use(), host_memory_available());
  return result(cudaSuccess);
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  if (attributes == nullptr) return result(cudaErrorInvalidValue);
  const auto allocation = find_allocation(pointer);
  void* address = const_cast<void*>(pointer);
  *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, address};
  if (allocation) {
    *attributes = {allocation->type, 0, address,
                   allocation->type == cudaMemoryTypeDevice ? nullptr : address};
  }
  return result(cudaSuccess);
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  CALL_FROM_HERE;
  const cudaError_t code = check_copy("cudaMemcpy", to, from, bytes, kind);
  if (code != cudaSuccess || bytes == 0) return result(code);
  return result(run_now(copy("cudaMemcpy", to, from, bytes, kind), [&] { copy_bytes(to, from, bytes); }));
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  CALL_FROM_HERE;
  const cudaError_t code = check_copy("cudaMemcpyAsync", to, from, bytes, kind);
  if (code != cudaSuccess || bytes == 0) return result(code);
  return result(run_in_stream(stream, copy("cudaMemcpyAsync", to, from, bytes, kind),
                              pageable(to) || pageable(from), [=] { copy_bytes(to, from, bytes); }));
}

static cudaError_t check_copy_2d(const char* call, void* to, std::size_t to_pitch, const void* from,
                                 std::size_t from_pitch, std::size_t width, std::size_t height,
                                 cudaMemcpyKind kind) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidPitchValue;
  if (width == 0 || height == 0) return cudaSuccess;
  // Each side spans its own pitch.
  const cudaError_t code = check_copy(call, to, from, width, kind);
  if (code != cudaSuccess) return code;
  const auto target = find_allocation(to), source = find_allocation(from);
  const auto fits = [&](const auto& allocation, const void* pointer, std::size_t pitch) {
    return !allocation ||
           (height - 1) * pitch + width <=
               allocation->bytes - (reinterpret_cast<std::uintptr_t>(pointer) - allocation->address);
  };
  if (!fits(target, to, to_pitch) || !fits(source, from, from_pitch)) {
    explain(fmt::format("{}: {} rows of {} bytes do not fit the memory of one of the sides", call, height,
                        width));
    return cudaErrorInvalidValue;
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                         std::size_t width, std::size_t height, cudaMemcpyKind kind) {
  CALL_FROM_HERE;
  const cudaError_t code = check_copy_2d("cudaMemcpy2D", to, to_pitch, from, from_pitch, width, height, kind);
  if (code != cudaSuccess) return result(code);
  return result(
      run_now(copy_of_rows("cudaMemcpy2D", to, to_pitch, from, from_pitch, width, height, kind), [&] {
        copy_rows(static_cast<char*>(to), to_pitch, static_cast<const char*>(from), from_pitch, width,
                  height);
      }));
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  CALL_FROM_HERE;
  const cudaError_t code =
      check_copy_2d("cudaMemcpy2DAsync", to, to_pitch, from, from_pitch, width, height, kind);
  if (code != cudaSuccess) return result(code);
  return result(run_in_stream(
      stream, copy_of_rows("cudaMemcpy2DAsync", to, to_pitch, from, from_pitch, width, height, kind),
      pageable(to) || pageable(from), [=] {
        copy_rows(static_cast<char*>(to), to_pitch, static_cast<const char*>(from), from_pitch, width,
                  height);
      }));
}

cudaError_t cudaMemsetAsync(void* pointer, int byte, std::size_t bytes, cudaStream_t stream) {
  CALL_FROM_HERE;
  if (bytes == 0) return result(cudaSuccess);
  const auto allocation = find_allocation(pointer);
  const cudaError_t code =
      check_side("cudaMemset", "destination", pointer, bytes, !allocation || is_device(allocation->type));
  if (code != cudaSuccess) return result(code);
  note_transfer("cudaMemsetAsync", stream);
  const std::uint64_t parts = (bytes - 1) / kFillPart + 1;
  return result(submit_transfer(
      stream, {"cudaMemset", simt::RecordKind::kFill, bytes, cudaMemcpyDefault, {{pointer, bytes, true}}},
      parts, [=](std::uint64_t part) {
        const std::size_t first = part * kFillPart;
        std::memset(static_cast<char*>(pointer) + first, byte, std::min(kFillPart, bytes - first));
        note_written(static_cast<char*>(pointer) + first, std::min(kFillPart, bytes - first));
      }));
}

cudaError_t cudaMemset(void* pointer, int byte, std::size_t bytes) {
  CALL_FROM_HERE;
  if (bytes != 0) note_transfer("cudaMemset", nullptr);
  return cudaMemsetAsync(pointer, byte, bytes, nullptr);
}

std::size_t simt::device_bytes_in_use() {
  return detail::device_bytes_in_use();
}
