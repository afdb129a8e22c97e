// CUDA splits its runtime header into several; here there is one.
#pragma once
#include "cuda_runtime.h"
