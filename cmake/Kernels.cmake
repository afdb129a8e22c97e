include(Simt)

# wb_kernels(TARGET SOURCES...): an object library of CUDA C++ and C++ files for the device of this build.
#
# .cu files are compiled by nvcc, or translated by simt's translator and compiled by the host compiler.
# Object libraries, since implementations register themselves: a static library would drop them.
function(wb_kernels target)
  add_library(${target} OBJECT)
  target_link_libraries(${target} PUBLIC wb_core wb_runtime)
  if(SIMT_PRECOMPILED)
    wb_prelude(${target} plain)
    target_include_directories(${target} BEFORE PRIVATE ${SIMT_PRELUDES}/$<TARGET_PROPERTY:${target},WB_PRELUDE>)
  endif()
  foreach(source IN LISTS ARGN)
    get_filename_component(source ${source} ABSOLUTE)
    if(source MATCHES "\\.cu$" AND WB_DEVICE STREQUAL "cpu")
      simt_translate(source ${source})
    endif()
    target_sources(${target} PRIVATE ${source})
  endforeach()
endfunction()

# Puts a file list into `out`, without the files of the other device: NAME_cuda.* and NAME_cpu.*.
function(wb_sources_for_device out)
  set(sources ${ARGN})
  if(WB_DEVICE STREQUAL "cuda")
    list(FILTER sources EXCLUDE REGEX "_cpu\\.(cu|cpp)$")
  else()
    list(FILTER sources EXCLUDE REGEX "_cuda\\.(cu|cpp)$")
  endif()
  set(${out} ${sources} PARENT_SCOPE)
endfunction()
