// The CPU device's CUDA runtime. Host files get the runtime API; translated .cu
// files also the device language.
#pragma once

#include "simt/api.h"
#include "simt/qualifiers.h"
#include "simt/vector_types.h"

#ifdef __CUDACC__
#include "simt/device.h"
#endif
