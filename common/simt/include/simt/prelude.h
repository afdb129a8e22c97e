// What nvcc includes before a .cu file, the translator includes too.
#pragma once

#define __CUDACC__ 1
#include "cuda_runtime.h"
