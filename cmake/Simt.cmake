# simt_translate(OUT FILE.cu): puts into OUT the C++ file that simt's translator makes of a CUDA file, for the CPU device.
#
# Kernels reinterpret memory freely (float4 loads, shared memory of any type) and expect sqrtf to be one instruction; line
# tables let a fault name its line; probing every page keeps large local variables from stepping over a stack's guard.
set(SIMT_KERNEL_OPTIONS -fno-strict-aliasing -fno-math-errno -fstack-clash-protection -ftls-model=initial-exec -g1
    -Wno-unknown-pragmas)

# With -Og: leave out passes that take a fifth of GCC's time and do not make these kernels faster. For a starter that is only
# tested.
set(SIMT_QUICK_OPTIONS "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(SIMT_QUICK_OPTIONS -fira-region=one -fno-tree-dominator-opts -fno-thread-jumps -fno-if-conversion -fno-cprop-registers
    -fno-forward-propagate -fno-reorder-blocks -fno-combine-stack-adjustments -fno-compare-elim -fno-guess-branch-probability)
endif()

function(simt_translate out file)
  get_filename_component(file ${file} ABSOLUTE)
  file(RELATIVE_PATH relative ${PROJECT_SOURCE_DIR} ${file})
  string(REPLACE ".." "_" relative ${relative})
  set(translated ${PROJECT_BINARY_DIR}/simt/${relative}.cpp)
  get_filename_component(folder ${translated} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${translated}
    COMMAND simt-translate ${file} -o ${translated}
    DEPENDS ${file} simt-translate
    COMMENT "simt ${relative}"
    VERBATIM)
  get_filename_component(source_folder ${file} DIRECTORY)
  set(options ${SIMT_KERNEL_OPTIONS})
  if(file MATCHES "_starter\\.cu$")
    # What is still to be written is not used yet. Here, since Clang takes the last word, and -Wextra, of what a target links
    # to, comes after the target's own options.
    list(APPEND options -Wno-unused -Wno-unused-parameter)
  endif()
  set_source_files_properties(${translated} PROPERTIES
    COMPILE_OPTIONS "${options}"
    INCLUDE_DIRECTORIES ${source_folder}
    OBJECT_DEPENDS "${SIMT_PRECOMPILED}")
  set(${out} ${translated} PARENT_SCOPE)
endfunction()
