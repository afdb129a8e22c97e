// Tensor cores of the CPU device: nvcuda::wmma for __half and __nv_bfloat16 with sums in float.
#pragma once

#include "simt/wmma/fragment.h"
#include "simt/wmma/memory.h"
#include "simt/wmma/multiply.h"
