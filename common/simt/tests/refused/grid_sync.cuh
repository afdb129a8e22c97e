// Headers are not translated: the compiler refuses.
#pragma once
#include <cooperative_groups.h>
inline void sync_everything() {
  cooperative_groups::this_grid().sync();
}
