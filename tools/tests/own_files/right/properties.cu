// What a device says of itself. The figures that differ from machine to machine go to standard error.
// Prints: Warp size: 32
// Prints: Constant memory: 65536
#include <stdio.h>

int main() {
  int count = 0;
  cudaGetDeviceCount(&count);
  for (int i = 0; i < count; i++) {
    cudaDeviceProp prop;
    cudaGetDeviceProperties(&prop, i);
    fprintf(stderr, "Device %d: %s, compute capability %d.%d\n", i, prop.name, prop.major, prop.minor);
    fprintf(stderr, "  Multiprocessors: %d\n", prop.multiProcessorCount);
    fprintf(stderr, "  Global memory: %.1f GiB\n", prop.totalGlobalMem / 1024.0 / 1024.0 / 1024.0);
    fprintf(stderr, "  L2 cache: %d bytes, bus %d bits\n", prop.l2CacheSize, prop.memoryBusWidth);
    fprintf(stderr, "  Concurrent copies: %d, unified addressing: %d, managed memory while kernels run: %d\n",
            prop.asyncEngineCount, prop.unifiedAddressing, prop.concurrentManagedAccess);
    fprintf(stderr, "  Texture alignment: %zu, memory pitch: %zu\n", prop.textureAlignment, prop.memPitch);
    fprintf(stderr, "  PCI %04x:%02x:%02x\n", prop.pciDomainID, prop.pciBusID, prop.pciDeviceID);
    int clock = 0;
    cudaDeviceGetAttribute(&clock, cudaDevAttrClockRate, i);
    fprintf(stderr, "  Clock: %d kHz\n", clock);
    if (i == 0) {
      printf("Warp size: %d\n", prop.warpSize);
      printf("Max threads per block: %d\n", prop.maxThreadsPerBlock);
      printf("Max block dimensions: %d x %d x %d\n", prop.maxThreadsDim[0], prop.maxThreadsDim[1],
             prop.maxThreadsDim[2]);
      printf("Max grid dimensions: %d x %d x %d\n", prop.maxGridSize[0], prop.maxGridSize[1],
             prop.maxGridSize[2]);
      printf("Shared memory per block: %zu\n", prop.sharedMemPerBlock);
      printf("Constant memory: %zu\n", prop.totalConstMem);
    }
  }
  return count > 0 ? 0 : 1;
}
