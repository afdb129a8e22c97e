// What the CPU device does not have. Using one stops the compiler with the reason, never silently.
#pragma once

#include "simt/api_types.h"

#define SIMT_REFUSED(what) \
  __attribute__((error("the CPU device (simt) has no " what ": move the kernel to a file named *_cuda.cu")))

// clang-format off
template <class... A> SIMT_REFUSED("cooperative launches (grid sync)") cudaError_t cudaLaunchCooperativeKernel(A&&...);
template <class... A> SIMT_REFUSED("extensible launches (clusters)") cudaError_t cudaLaunchKernelEx(A&&...);
template <class... A> SIMT_REFUSED("launches by address") cudaError_t cudaLaunchKernel(A&&...);
template <class T, class... A> SIMT_REFUSED("textures") T tex1Dfetch(A&&...);
template <class T, class... A> SIMT_REFUSED("textures") T tex1D(A&&...);
template <class T, class... A> SIMT_REFUSED("textures") T tex2D(A&&...);
template <class T, class... A> SIMT_REFUSED("textures") T tex3D(A&&...);
template <class T, class... A> SIMT_REFUSED("surfaces") T surf2Dread(A&&...);
template <class... A> SIMT_REFUSED("surfaces") void surf2Dwrite(A&&...);
template <class... A> SIMT_REFUSED("asynchronous copies (cp.async)") void __pipeline_memcpy_async(A&&...);
template <class... A> SIMT_REFUSED("asynchronous copies (cp.async)") void __pipeline_commit(A&&...);
template <class... A> SIMT_REFUSED("asynchronous copies (cp.async)") void __pipeline_wait_prior(A&&...);
template <class... A> SIMT_REFUSED("shared-memory addresses for PTX") unsigned __cvta_generic_to_shared(A&&...);
template <class T> SIMT_REFUSED("shuffles without _sync (nor has a GPU since Volta)") T __shfl(T, int, int = 32);
template <class T> SIMT_REFUSED("shuffles without _sync (nor has a GPU since Volta)") T __shfl_up(T, unsigned, int = 32);
template <class T> SIMT_REFUSED("shuffles without _sync (nor has a GPU since Volta)") T __shfl_down(T, unsigned, int = 32);
template <class T> SIMT_REFUSED("shuffles without _sync (nor has a GPU since Volta)") T __shfl_xor(T, int, int = 32);
template <class... A> SIMT_REFUSED("votes without _sync (nor has a GPU since Volta)") unsigned __ballot(A&&...);
template <class... A> SIMT_REFUSED("votes without _sync (nor has a GPU since Volta)") int __any(A&&...);
template <class... A> SIMT_REFUSED("votes without _sync (nor has a GPU since Volta)") int __all(A&&...);
// clang-format on
