// Not on the CPU device.
#error \
    "the CPU device (simt) has no 8-bit floating point: move the kernel to a file named *_cuda.cu, which only the CUDA build compiles"
