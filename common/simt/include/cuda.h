// Many programs include it only for the runtime API. The driver API itself (cuInit,
// cuLaunchKernel, tensor maps) is not on the CPU device: its names are not declared.
#pragma once

#include "cuda_runtime.h"
