// The wrapped functions of the CUDA runtime: each records the call, and makes it. CMakeLists.txt reads the
// lines WB_WRAP to tell the linker which functions to wrap.
#include <cuda_runtime_api.h>

#include <optional>

#include "common/core/check.h"
#include "common/harness/inspection.h"
#include "common/harness/runtime_calls.h"
#include "common/harness/streams_used.h"
#include "common/harness/watched_call.h"

// The CPU device's runtime is C++: its functions have C++'s names.
#if WB_RUNTIME_IS_CPP
#include "simt/call_from.h"
#include "simt/launch.h"
#define WB_SYMBOL(name, symbol) symbol
#define WB_CALL_FROM_HERE SIMT_CALL_FROM_HERE
#else
#define WB_SYMBOL(name, symbol) #name
#define WB_CALL_FROM_HERE
#endif

#define WB_WRAP(name, symbol, parameters)                                     \
  cudaError_t real_##name parameters asm("__real_" WB_SYMBOL(name, symbol));  \
  cudaError_t noted_##name parameters asm("__wrap_" WB_SYMBOL(name, symbol)); \
  cudaError_t noted_##name parameters

namespace {

using wb::CallKind;
using wb::RuntimeCall;
using wb::RuntimeCalls;

template <class Make>
cudaError_t note(RuntimeCall call, Make make) {
  RuntimeCalls* const record = RuntimeCalls::active();
  if (record == nullptr) return make(call);
  const bool is_made = record->begin(call);
  if (is_made) call.returned = make(call);
  record->end(call);
  return call.returned;
}

// Allocates memory, and fills device memory with the bytes that stand for unwritten memory.
template <class Allocate>
cudaError_t note_allocation(CallKind kind, const char* name, void** pointer, std::size_t bytes,
                            Allocate allocate) {
  const bool is_recorded = RuntimeCalls::active() != nullptr;
  RuntimeCall asked{kind, name};
  asked.bytes = bytes;
  return note(asked, [&](RuntimeCall& call) {
    const cudaError_t code = allocate();
    if (code != cudaSuccess) return code;
    call.pointer = *pointer;
    if (is_recorded && kind == CallKind::kAllocate && bytes != 0) {
      WB_CUDA_CHECK(cudaMemset(*pointer, 0xFF, bytes));
      WB_CUDA_CHECK(cudaDeviceSynchronize());
      wb::detail::declare_unwritten(*pointer, bytes);
    }
    return code;
  });
}

RuntimeCall freeing(CallKind kind, const char* name, const void* pointer) {
  RuntimeCall call{kind, name};
  call.pointer = pointer;
  return call;
}

RuntimeCall copying(const char* name, const void* to, const void* from, std::size_t bytes,
                    cudaMemcpyKind direction, cudaStream_t stream, bool waits) {
  RuntimeCall call{CallKind::kCopy, name, stream, to, from, bytes, direction};
  call.waits = waits;
  return call;
}

RuntimeCall about_stream(CallKind kind, const char* name, cudaStream_t stream) {
  RuntimeCall call{kind, name, stream};
  call.waits = kind == CallKind::kWait;
  return call;
}

template <class Create>
cudaError_t note_stream(const char* name, cudaStream_t* stream, Create create) {
  return note({CallKind::kCreate, name}, [&](RuntimeCall& call) {
    const cudaError_t code = create();
    if (code == cudaSuccess) call.pointer = call.stream = *stream;
    return code;
  });
}

template <class Create>
cudaError_t note_event(const char* name, cudaEvent_t* event, Create create) {
  return note({CallKind::kCreate, name}, [&](RuntimeCall& call) {
    const cudaError_t code = create();
    if (code == cudaSuccess) call.pointer = *event;
    return code;
  });
}

// A call that was made to fail has left its error, as a real failure would.
template <class Ask>
cudaError_t last_error(const char* name, bool forget, Ask ask) {
  RuntimeCalls* const record = RuntimeCalls::active();
  return note({CallKind::kAskError, name}, [&](RuntimeCall&) {
    const auto pending = record != nullptr ? record->pending_error(forget) : std::optional<cudaError_t>();
    return pending ? *pending : ask();
  });
}

}  // namespace

WB_WRAP(cudaMalloc, "_Z10cudaMallocPPvm", (void** pointer, std::size_t bytes)) {
  return note_allocation(CallKind::kAllocate, "cudaMalloc", pointer, bytes,
                         [&] { return real_cudaMalloc(pointer, bytes); });
}

WB_WRAP(cudaMallocManaged, "_Z17cudaMallocManagedPPvmj",
        (void** pointer, std::size_t bytes, unsigned flags)) {
  return note_allocation(CallKind::kAllocate, "cudaMallocManaged", pointer, bytes,
                         [&] { return real_cudaMallocManaged(pointer, bytes, flags); });
}

WB_WRAP(cudaMallocAsync, "_Z15cudaMallocAsyncPPvmP11CUstream_st",
        (void** pointer, std::size_t bytes, cudaStream_t stream)) {
  return note_allocation(CallKind::kAllocate, "cudaMallocAsync", pointer, bytes,
                         [&] { return real_cudaMallocAsync(pointer, bytes, stream); });
}

// cudaMallocHost is a function of this one in C++.
WB_WRAP(cudaHostAlloc, "_Z13cudaHostAllocPPvmj", (void** pointer, std::size_t bytes, unsigned flags)) {
  return note_allocation(CallKind::kAllocatePinned, "cudaHostAlloc", pointer, bytes,
                         [&] { return real_cudaHostAlloc(pointer, bytes, flags); });
}

#if WB_RUNTIME_IS_CPP
WB_WRAP(cudaMallocHost, "_Z14cudaMallocHostPPvmj", (void** pointer, std::size_t bytes, unsigned flags)) {
  return note_allocation(CallKind::kAllocatePinned, "cudaMallocHost", pointer, bytes,
                         [&] { return real_cudaMallocHost(pointer, bytes, flags); });
}
#else
WB_WRAP(cudaMallocHost, "_Z14cudaMallocHostPPvmj", (void** pointer, std::size_t bytes)) {
  return note_allocation(CallKind::kAllocatePinned, "cudaMallocHost", pointer, bytes,
                         [&] { return real_cudaMallocHost(pointer, bytes); });
}
#endif

WB_WRAP(cudaFree, "_Z8cudaFreePv", (void* pointer)) {
  return note(freeing(CallKind::kFree, "cudaFree", pointer),
              [&](RuntimeCall&) { return real_cudaFree(pointer); });
}

WB_WRAP(cudaFreeAsync, "_Z13cudaFreeAsyncPvP11CUstream_st", (void* pointer, cudaStream_t stream)) {
  return note(freeing(CallKind::kFree, "cudaFreeAsync", pointer),
              [&](RuntimeCall&) { return real_cudaFreeAsync(pointer, stream); });
}

WB_WRAP(cudaFreeHost, "_Z12cudaFreeHostPv", (void* pointer)) {
  return note(freeing(CallKind::kFree, "cudaFreeHost", pointer),
              [&](RuntimeCall&) { return real_cudaFreeHost(pointer); });
}

WB_WRAP(cudaMemcpy, "_Z10cudaMemcpyPvPKvm14cudaMemcpyKind",
        (void* to, const void* from, std::size_t bytes, cudaMemcpyKind direction)) {
  WB_CALL_FROM_HERE;
  if (direction == cudaMemcpyDeviceToDevice) wb::detail::note_transfer("cudaMemcpy", nullptr);
  return note(copying("cudaMemcpy", to, from, bytes, direction, nullptr, true),
              [&](RuntimeCall&) { return real_cudaMemcpy(to, from, bytes, direction); });
}

WB_WRAP(cudaMemcpyAsync, "_Z15cudaMemcpyAsyncPvPKvm14cudaMemcpyKindP11CUstream_st",
        (void* to, const void* from, std::size_t bytes, cudaMemcpyKind direction, cudaStream_t stream)) {
  WB_CALL_FROM_HERE;
  wb::detail::note_transfer("cudaMemcpyAsync", stream);
  return note(copying("cudaMemcpyAsync", to, from, bytes, direction, stream, false),
              [&](RuntimeCall&) { return real_cudaMemcpyAsync(to, from, bytes, direction, stream); });
}

WB_WRAP(cudaMemset, "_Z10cudaMemsetPvim", (void* pointer, int byte, std::size_t bytes)) {
  WB_CALL_FROM_HERE;
  wb::detail::note_transfer("cudaMemset", nullptr);
  return note({CallKind::kFill, "cudaMemset", nullptr, pointer, nullptr, bytes},
              [&](RuntimeCall&) { return real_cudaMemset(pointer, byte, bytes); });
}

WB_WRAP(cudaMemsetAsync, "_Z15cudaMemsetAsyncPvimP11CUstream_st",
        (void* pointer, int byte, std::size_t bytes, cudaStream_t stream)) {
  WB_CALL_FROM_HERE;
  wb::detail::note_transfer("cudaMemsetAsync", stream);
  return note({CallKind::kFill, "cudaMemsetAsync", stream, pointer, nullptr, bytes},
              [&](RuntimeCall&) { return real_cudaMemsetAsync(pointer, byte, bytes, stream); });
}

WB_WRAP(cudaDeviceSynchronize, "_Z21cudaDeviceSynchronizev", ()) {
  return note(about_stream(CallKind::kWait, "cudaDeviceSynchronize", nullptr),
              [&](RuntimeCall&) { return real_cudaDeviceSynchronize(); });
}

WB_WRAP(cudaStreamSynchronize, "_Z21cudaStreamSynchronizeP11CUstream_st", (cudaStream_t stream)) {
  return note(about_stream(CallKind::kWait, "cudaStreamSynchronize", stream),
              [&](RuntimeCall&) { return real_cudaStreamSynchronize(stream); });
}

WB_WRAP(cudaEventSynchronize, "_Z20cudaEventSynchronizeP10CUevent_st", (cudaEvent_t event)) {
  return note(about_stream(CallKind::kWait, "cudaEventSynchronize", nullptr),
              [&](RuntimeCall&) { return real_cudaEventSynchronize(event); });
}

WB_WRAP(cudaStreamCreate, "_Z16cudaStreamCreatePP11CUstream_st", (cudaStream_t * stream)) {
  return note_stream("cudaStreamCreate", stream, [&] { return real_cudaStreamCreate(stream); });
}

WB_WRAP(cudaStreamCreateWithFlags, "_Z25cudaStreamCreateWithFlagsPP11CUstream_stj",
        (cudaStream_t * stream, unsigned flags)) {
  return note_stream("cudaStreamCreateWithFlags", stream,
                     [&] { return real_cudaStreamCreateWithFlags(stream, flags); });
}

WB_WRAP(cudaStreamDestroy, "_Z17cudaStreamDestroyP11CUstream_st", (cudaStream_t stream)) {
  return note(freeing(CallKind::kDestroy, "cudaStreamDestroy", stream),
              [&](RuntimeCall&) { return real_cudaStreamDestroy(stream); });
}

WB_WRAP(cudaEventCreate, "_Z15cudaEventCreatePP10CUevent_st", (cudaEvent_t * event)) {
  return note_event("cudaEventCreate", event, [&] { return real_cudaEventCreate(event); });
}

WB_WRAP(cudaEventCreateWithFlags, "_Z24cudaEventCreateWithFlagsPP10CUevent_stj",
        (cudaEvent_t * event, unsigned flags)) {
  return note_event("cudaEventCreateWithFlags", event,
                    [&] { return real_cudaEventCreateWithFlags(event, flags); });
}

WB_WRAP(cudaEventDestroy, "_Z16cudaEventDestroyP10CUevent_st", (cudaEvent_t event)) {
  return note(freeing(CallKind::kDestroy, "cudaEventDestroy", event),
              [&](RuntimeCall&) { return real_cudaEventDestroy(event); });
}

WB_WRAP(cudaEventRecord, "_Z15cudaEventRecordP10CUevent_stP11CUstream_st",
        (cudaEvent_t event, cudaStream_t stream)) {
  return note(about_stream(CallKind::kEvent, "cudaEventRecord", stream),
              [&](RuntimeCall&) { return real_cudaEventRecord(event, stream); });
}

WB_WRAP(cudaStreamWaitEvent, "_Z19cudaStreamWaitEventP11CUstream_stP10CUevent_stj",
        (cudaStream_t stream, cudaEvent_t event, unsigned flags)) {
  return note(about_stream(CallKind::kEvent, "cudaStreamWaitEvent", stream),
              [&](RuntimeCall&) { return real_cudaStreamWaitEvent(stream, event, flags); });
}

WB_WRAP(cudaStreamBeginCapture, "_Z22cudaStreamBeginCaptureP11CUstream_st21cudaStreamCaptureMode",
        (cudaStream_t stream, cudaStreamCaptureMode mode)) {
  return note(about_stream(CallKind::kCapture, "cudaStreamBeginCapture", stream),
              [&](RuntimeCall&) { return real_cudaStreamBeginCapture(stream, mode); });
}

WB_WRAP(cudaStreamEndCapture, "_Z20cudaStreamEndCaptureP11CUstream_stPP10CUgraph_st",
        (cudaStream_t stream, cudaGraph_t* graph)) {
  if (graph != nullptr) *graph = nullptr;
  return note({CallKind::kCaptured, "cudaStreamEndCapture"}, [&](RuntimeCall& call) {
    const cudaError_t code = real_cudaStreamEndCapture(stream, graph);
    if (code == cudaSuccess) call.pointer = *graph;
    return code;
  });
}

WB_WRAP(cudaGraphInstantiate, "_Z20cudaGraphInstantiatePP14CUgraphExec_stP10CUgraph_sty",
        (cudaGraphExec_t * executable, cudaGraph_t graph, unsigned long long flags)) {
  return note({CallKind::kCreate, "cudaGraphInstantiate"}, [&](RuntimeCall& call) {
    const cudaError_t code = real_cudaGraphInstantiate(executable, graph, flags);
    if (code == cudaSuccess) call.pointer = *executable;
    return code;
  });
}

WB_WRAP(cudaGraphLaunch, "_Z15cudaGraphLaunchP14CUgraphExec_stP11CUstream_st",
        (cudaGraphExec_t executable, cudaStream_t stream)) {
  return note(about_stream(CallKind::kGraphLaunch, "cudaGraphLaunch", stream),
              [&](RuntimeCall&) { return real_cudaGraphLaunch(executable, stream); });
}

WB_WRAP(cudaGraphDestroy, "_Z16cudaGraphDestroyP10CUgraph_st", (cudaGraph_t graph)) {
  return note(freeing(CallKind::kDestroy, "cudaGraphDestroy", graph),
              [&](RuntimeCall&) { return real_cudaGraphDestroy(graph); });
}

WB_WRAP(cudaGraphExecDestroy, "_Z20cudaGraphExecDestroyP14CUgraphExec_st", (cudaGraphExec_t executable)) {
  return note(freeing(CallKind::kDestroy, "cudaGraphExecDestroy", executable),
              [&](RuntimeCall&) { return real_cudaGraphExecDestroy(executable); });
}

WB_WRAP(cudaGetLastError, "_Z16cudaGetLastErrorv", ()) {
  return last_error("cudaGetLastError", true, [] { return real_cudaGetLastError(); });
}

WB_WRAP(cudaPeekAtLastError, "_Z19cudaPeekAtLastErrorv", ()) {
  return last_error("cudaPeekAtLastError", false, [] { return real_cudaPeekAtLastError(); });
}

// Launches: with CUDA the harness wraps them already (launch_count_cuda.cpp).
#if WB_RUNTIME_IS_CPP
void real_submit(simt::detail::Grid* grid,
                 cudaStream_t stream) asm("__real__ZN4simt6detail6submitEPNS0_4GridEP11CUstream_st");
void noted_submit(simt::detail::Grid* grid,
                  cudaStream_t stream) asm("__wrap__ZN4simt6detail6submitEPNS0_4GridEP11CUstream_st");
void noted_submit(simt::detail::Grid* grid, cudaStream_t stream) {
  if (wb::detail::launch_is_made(grid->grid, grid->block, grid->shared_bytes, stream))
    return real_submit(grid, stream);
  delete grid;
}
#endif

namespace wb::detail {

bool note_launch(dim3 grid, dim3 block, std::size_t shared, cudaStream_t stream) {
  RuntimeCalls* const record = RuntimeCalls::active();
  if (record == nullptr) return true;
  RuntimeCall call{CallKind::kLaunch, "kernel", stream};
  call.grid = grid;
  call.block = block;
  call.bytes = shared;
  const bool is_made = record->begin(call);
  record->end(call);
  return is_made;
}

}  // namespace wb::detail
