# WB_SANITIZE=address (with undefined behavior) or thread: for the CPU device's host side, presets asan and tsan.
#
# Tests labeled `host` run under them. Left out, with reasons:
#   - kernels of the chapters under `address`: a block's threads run on stacks of simt's own, whose frames the sanitizer does
#     not know, and out-of-bounds accesses of kernels meet simt's guard pages;
#   - alignment under `undefined`: kernels load float4 from addresses that only the device requires to be aligned, and
#     tests ask for misaligned ones on purpose;
#   - failing kernels and forks under `thread`: a fault leaves a stack without returning, which the sanitizer takes for a
#     broken one. Other kernels do run: each switch of stacks is announced (common/simt/runtime/sanitizer.h);
#   - fences (__threadfence) under `thread`, which does not know them. What the ladder orders by them, atomics order, too.
set(WB_SANITIZE "" CACHE STRING "address, thread or empty")
set_property(CACHE WB_SANITIZE PROPERTY STRINGS "" address thread)
if(NOT WB_SANITIZE MATCHES "^(address|thread|)$")
  message(FATAL_ERROR "WB_SANITIZE is '${WB_SANITIZE}'; it must be address, thread or empty.")
endif()
if(WB_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=alignment,vptr -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(WB_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  add_link_options(-fsanitize=thread)
endif()

# The programs of the tests labeled `host`.
add_custom_target(host_tests)

# wb_host_test(TEST PROGRAM): the test runs under the sanitizers as well. In the folder of its add_test.
function(wb_host_test test program)
  set_property(TEST ${test} APPEND PROPERTY LABELS host)
  add_dependencies(host_tests ${program})
endfunction()
