// The device language: everything a kernel can use without including anything.
#pragma once

#include <math.h>
#include <stdio.h>

#include "simt/atomics.h"
#include "simt/barrier.h"
#include "simt/bits.h"
#include "simt/context.h"
#include "simt/intrinsics.h"
#include "simt/launch.h"
#include "simt/math.h"
#include "simt/memory_access.h"
#include "simt/refused.h"
#include "simt/warp.h"
