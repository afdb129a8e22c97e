#include "common/simt/tests/refused/grid_sync.cuh"
__global__ void kernel() {
  sync_everything();
}
