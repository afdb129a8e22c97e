// Loads and stores with a cache hint. The CPU's caches take no hints: they are plain loads and stores.
#pragma once

#include "simt/qualifiers.h"

// clang-format off
#define SIMT_LOAD(name) \
  template <class T> SIMT_AT_CALLER inline T name(const T* pointer) { return *pointer; }
#define SIMT_STORE(name) \
  template <class T> SIMT_AT_CALLER inline void name(T* pointer, T value) { *pointer = value; }
SIMT_LOAD(__ldg) SIMT_LOAD(__ldcg) SIMT_LOAD(__ldca) SIMT_LOAD(__ldcs) SIMT_LOAD(__ldlu) SIMT_LOAD(__ldcv)
SIMT_STORE(__stwb) SIMT_STORE(__stcg) SIMT_STORE(__stcs) SIMT_STORE(__stwt)
#undef SIMT_LOAD
#undef SIMT_STORE
    // clang-format on
