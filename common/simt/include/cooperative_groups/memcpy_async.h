// Not on the CPU device.
#error \
    "the CPU device (simt) has no asynchronous copies (cp.async): move the kernel to a file named *_cuda.cu, which only the CUDA build compiles"
