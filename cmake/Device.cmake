# The device of this build directory: WB_DEVICE is cuda (nvcc) or cpu (simt); auto takes cuda where nvcc and a GPU are.
set(WB_DEVICE "auto" CACHE STRING "cuda, cpu or auto")
set_property(CACHE WB_DEVICE PROPERTY STRINGS auto cuda cpu)
option(WB_WERROR "Treat warnings as errors (CI does)" OFF)

find_program(WB_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin)
execute_process(COMMAND nvidia-smi -L RESULT_VARIABLE wb_no_gpu OUTPUT_QUIET ERROR_QUIET)

if(WB_DEVICE STREQUAL "auto")
  if(WB_NVCC AND wb_no_gpu EQUAL 0)
    set(WB_DEVICE cuda)
  else()
    set(WB_DEVICE cpu)
  endif()
endif()
if(NOT WB_DEVICE MATCHES "^(cuda|cpu)$")
  message(FATAL_ERROR "WB_DEVICE is '${WB_DEVICE}'; it must be cuda, cpu or auto.")
endif()
if(WB_DEVICE STREQUAL "cuda" AND NOT WB_NVCC)
  message(FATAL_ERROR "A CUDA build was asked for, but there is no nvcc. Install the CUDA toolkit, put nvcc on PATH, "
                      "or use the CPU device: cmake --preset cpu")
endif()
message(STATUS "Device: ${WB_DEVICE}")

if(WB_DEVICE STREQUAL "cuda")
  # Without a GPU there is nothing to ask: compile for Hopper, whose features the last rungs need.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    if(wb_no_gpu EQUAL 0)
      execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
                      OUTPUT_VARIABLE wb_capabilities OUTPUT_STRIP_TRAILING_WHITESPACE)
      string(REGEX MATCH "^[0-9]+\\.[0-9]+" wb_capability "${wb_capabilities}")
      string(REPLACE "." "" CMAKE_CUDA_ARCHITECTURES "${wb_capability}")
      if(CMAKE_CUDA_ARCHITECTURES STREQUAL "90")
        set(CMAKE_CUDA_ARCHITECTURES 90a)
      endif()
    endif()
    if(NOT CMAKE_CUDA_ARCHITECTURES)
      set(CMAKE_CUDA_ARCHITECTURES 90a)
    endif()
  endif()
  set(CMAKE_CUDA_COMPILER ${WB_NVCC})
  enable_language(CUDA)
  find_package(CUDAToolkit REQUIRED)
endif()

# What every target of the workbook compiles with.
add_library(wb_options INTERFACE)
target_include_directories(wb_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_features(wb_options INTERFACE cxx_std_20)
target_compile_options(wb_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra>
  # GCC 12 sees overlapping copies in std::string where there are none (GCC bug 105651).
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20;-lineinfo;-Xcompiler=-Wall>)
if(WB_WERROR)
  target_compile_options(wb_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Werror> $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
target_compile_definitions(wb_options INTERFACE WB_DEVICE_NAME="${WB_DEVICE}")

# wb_without_optimizing(file...): host files that do next to nothing at run time and cost the optimizer ten seconds each.
# What reads options with CLI11 is such a file. In the folder of the target.
function(wb_without_optimizing)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-O0>)
endfunction()

# wb_optimizing_little(target...): libraries of host code whose run time hardly counts. -O3 takes a third more time to compile.
function(wb_optimizing_little)
  foreach(target ${ARGN})
    target_compile_options(${target} PRIVATE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-O1>)
  endforeach()
endfunction()

# The CUDA runtime API for host code: the toolkit's, or simt's headers of the same names.
add_library(wb_runtime INTERFACE)
target_link_libraries(wb_runtime INTERFACE wb_options)
if(WB_DEVICE STREQUAL "cuda")
  target_link_libraries(wb_runtime INTERFACE CUDA::cudart)
else()
  target_link_libraries(wb_runtime INTERFACE simt)
endif()
