# Instrumented programs of the CPU device: kernels compiled with calls before every access, linked with a library of simt in
# place of the compilers' runtime libraries. Inspected ones look for mistakes (common/simt/inspector), metered ones count
# (common/simt/meter).

# At -O1 each access of the source still has a call of its own; at -O2 neighbors are merged. Calls in tail position would
# lose the line they come from.
set(SIMT_INSTRUMENT_OPTIONS -O1 -g -fno-optimize-sibling-calls)
# Vectors are not to fall into their members, since a GPU moves them whole. Clang keeps them only where it does not optimize.
set(SIMT_METERED_OPTIONS ${SIMT_INSTRUMENT_OPTIONS} -fsanitize=thread)
set(SIMT_INSPECTED_OPTIONS ${SIMT_INSTRUMENT_OPTIONS} -fsanitize=thread,bounds,alignment,signed-integer-overflow,shift-exponent)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND SIMT_INSPECTED_OPTIONS --param=tsan-instrument-func-entry-exit=0 -Wno-tsan -fno-tree-loop-im)
  list(APPEND SIMT_METERED_OPTIONS --param=tsan-instrument-func-entry-exit=0 -Wno-tsan -fno-tree-sra
    -fsanitize-coverage=trace-pc)
  # GCC 12 moves a store out of a loop by making others a second time after it.
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
    list(APPEND SIMT_METERED_OPTIONS -fno-move-loop-stores)
  endif()
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND SIMT_INSPECTED_OPTIONS -fsanitize=implicit-signed-integer-truncation
    "SHELL:-mllvm -tsan-instrument-func-entry-exit=0")
  list(APPEND SIMT_METERED_OPTIONS -O0 "SHELL:-mllvm -tsan-instrument-func-entry-exit=0"
    -fsanitize-coverage=bb,trace-pc,no-prune)
endif()
# Where this processor can, a product and a sum make one operation, as with nvcc.
if(EXISTS /proc/cpuinfo)
  file(STRINGS /proc/cpuinfo fused REGEX "^flags.* fma( |$)" LIMIT_COUNT 1)
  if(fused)
    list(APPEND SIMT_METERED_OPTIONS -mfma -ffp-contract=fast)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      list(APPEND SIMT_METERED_OPTIONS -fexpensive-optimizations)  # without these GCC fuses nothing at -O1
    endif()
  endif()
endif()
set(SIMT_INSPECTED_LIBRARY simt_inspector)
set(SIMT_METERED_LIBRARY simt_meter)

# Where this compiler cannot, or another sanitizer is at work, the inspected programs are left out.
set(WB_INSPECT OFF)
# The exercises whose starters can be inspected, a line each: ./workbook check reads it.
wb_list(inspected)
# What is inspected with less than all of its kernels (wb_inspect_less), a line each.
wb_list(inspected_less)
# The benchmarks that can be metered, a line each: ./workbook inspect reads it.
wb_list(metered)
if(WB_DEVICE STREQUAL "cpu" AND NOT WB_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang"
   AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(WB_INSPECT ON)
endif()

# simt_instrument(TARGET inspected|metered): TARGET is an object library of translated kernels; compile it so.
function(simt_instrument target how)
  string(TOUPPER ${how} upper)
  target_compile_options(${target} PRIVATE ${SIMT_${upper}_OPTIONS} -w)
  wb_prelude(${target} ${how})
  if(how STREQUAL "metered")
    target_compile_definitions(${target} PRIVATE SIMT_METERED)
  endif()
  target_link_libraries(${target} PUBLIC wb_core wb_runtime)
endfunction()
function(simt_inspect target)
  simt_instrument(${target} inspected)
endfunction()

# wb_instrumented_chapter(CHAPTER HOW IMPLEMENTATIONS file... SOURCES file... DEPENDS chapter...): the chapter's kernels again,
# as <chapter>_<how>; and <chapter>_<how>_support, which starters need without them. HOW: inspected or metered.
function(wb_instrumented_chapter chapter how)
  cmake_parse_arguments(ARG "" "" "IMPLEMENTATIONS;SOURCES;DEPENDS" ${ARGN})
  string(TOUPPER ${how} upper)
  add_library(${chapter}_${how}_support INTERFACE)
  target_link_libraries(${chapter}_${how}_support INTERFACE wb_core wb_runtime wb_cblas ${SIMT_${upper}_LIBRARY})
  if(ARG_SOURCES)
    wb_kernels(${chapter}_${how}_sources ${ARG_SOURCES})
    set_target_properties(${chapter}_${how}_sources PROPERTIES EXCLUDE_FROM_ALL ON)
    simt_instrument(${chapter}_${how}_sources ${how})
    target_link_libraries(${chapter}_${how}_support INTERFACE $<TARGET_OBJECTS:${chapter}_${how}_sources>)
  endif()
  # Kernels for the CPU device alone call its libraries: host code, though it runs as a kernel.
  set(host_kernels ${ARG_IMPLEMENTATIONS})
  list(FILTER host_kernels INCLUDE REGEX "_cpu\\.cu$")
  if(host_kernels)
    list(REMOVE_ITEM ARG_IMPLEMENTATIONS ${host_kernels})
  endif()
  if(host_kernels AND NOT TARGET ${chapter}_host_kernels)
    wb_kernels(${chapter}_host_kernels ${host_kernels})
    target_link_libraries(${chapter}_host_kernels PRIVATE wb_cblas)
    target_compile_options(${chapter}_host_kernels PRIVATE -w)
    set_target_properties(${chapter}_host_kernels PROPERTIES EXCLUDE_FROM_ALL ON)
    foreach(earlier IN LISTS ARG_DEPENDS)
      target_link_libraries(${chapter}_host_kernels PUBLIC ${earlier}_headers)
    endforeach()
  endif()
  wb_kernels(${chapter}_${how}_kernels ${ARG_IMPLEMENTATIONS})
  simt_instrument(${chapter}_${how}_kernels ${how})
  target_link_libraries(${chapter}_${how}_kernels PRIVATE wb_cblas)
  set_target_properties(${chapter}_${how}_kernels PROPERTIES EXCLUDE_FROM_ALL ON)
  foreach(earlier IN LISTS ARG_DEPENDS)
    target_link_libraries(${chapter}_${how}_kernels PUBLIC ${earlier}_headers)
    target_link_libraries(${chapter}_${how}_support INTERFACE ${earlier}_${how})
  endforeach()
  add_library(${chapter}_${how} INTERFACE)
  target_link_libraries(${chapter}_${how} INTERFACE ${chapter}_${how}_kernels
    $<TARGET_OBJECTS:${chapter}_${how}_kernels> ${chapter}_${how}_support)
  if(host_kernels)
    target_link_libraries(${chapter}_${how} INTERFACE $<TARGET_OBJECTS:${chapter}_host_kernels>)
  endif()
endfunction()

# wb_inspected_exercise(CHAPTER EXERCISE): NAME_inspected_test, ctest inspected.NAME: no finding in any implementation.
# NAME_starter_inspected_test on demand. NAME_mutants_inspected_test, ctest inspected_mutants.NAME: the inspector alone finds
# the mutants whose heads say so. One order is enough: findings do not depend on it.
function(wb_inspected_exercise chapter exercise)
  add_executable(${exercise}_inspected_test)
  target_link_libraries(${exercise}_inspected_test PRIVATE ${exercise}_test_cases ${chapter}_inspected)
  add_test(NAME inspected.${exercise} COMMAND ${exercise}_inspected_test)
  set_tests_properties(inspected.${exercise} PROPERTIES LABELS "${chapter};inspected" COST 8)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${exercise}_starter.cu)
    wb_kernels(${exercise}_starter_inspected ${exercise}_starter.cu)
    simt_inspect(${exercise}_starter_inspected)
    wb_starter_options(${exercise}_starter_inspected)
    wb_prelude(${exercise}_starter_inspected inspected_starter)
    set_target_properties(${exercise}_starter_inspected PROPERTIES EXCLUDE_FROM_ALL ON)
    add_executable(${exercise}_starter_inspected_test EXCLUDE_FROM_ALL)
    target_link_libraries(${exercise}_starter_inspected_test PRIVATE ${exercise}_test_cases
      ${exercise}_starter_inspected ${chapter}_inspected_support)
    wb_list_line(inspected ${exercise})
  endif()
  file(GLOB mutants CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/solutions/mutants/${exercise}/*.cu)
  if(mutants)
    wb_kernels(${exercise}_mutants_inspected ${mutants})
    simt_inspect(${exercise}_mutants_inspected)
    set_target_properties(${exercise}_mutants_inspected PROPERTIES EXCLUDE_FROM_ALL ON)
    add_executable(${exercise}_mutants_inspected_test)
    target_link_libraries(${exercise}_mutants_inspected_test PRIVATE ${exercise}_test_cases
      ${exercise}_mutants_inspected ${chapter}_inspected)
    wb_prove_inspected_mutants(${chapter} ${exercise} ${mutants})
  endif()
endfunction()

# wb_inspect_less(EXERCISE MACRO [NAME WORDS]...): the inspected starter is compiled with MACRO, since a student waits for it, and
# ./workbook check says WORDS of what was inspected where the starter calls NAME.
function(wb_inspect_less exercise macro)
  if(TARGET ${exercise}_starter_inspected)
    target_compile_definitions(${exercise}_starter_inspected PRIVATE ${macro})
    set(rows ${ARGN})
    while(rows)
      list(POP_FRONT rows name words)
      wb_list_line(inspected_less "${exercise}\t${name}\t${words}")
    endwhile()
  endif()
endfunction()

# wb_metered_exercise(CHAPTER EXERCISE): NAME_metered_bench and NAME_starter_metered_bench, on demand: the benchmark's problems,
# called once and counted.
function(wb_metered_exercise chapter exercise)
  add_executable(${exercise}_metered_bench EXCLUDE_FROM_ALL)
  target_link_libraries(${exercise}_metered_bench PRIVATE ${exercise}_bench_cases ${chapter}_metered)
  wb_list_line(metered ${exercise})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${exercise}_starter.cu)
    wb_kernels(${exercise}_starter_metered ${exercise}_starter.cu)
    simt_instrument(${exercise}_starter_metered metered)
    wb_starter_options(${exercise}_starter_metered)
    set_target_properties(${exercise}_starter_metered PROPERTIES EXCLUDE_FROM_ALL ON)
    add_executable(${exercise}_starter_metered_bench EXCLUDE_FROM_ALL)
    target_link_libraries(${exercise}_starter_metered_bench PRIVATE ${exercise}_bench_cases
      ${exercise}_starter_metered ${chapter}_metered_support)
  endif()
endfunction()

# ctest inspected_mutants.NAME, where the head of a mutant says what the inspector must find in it.
function(wb_prove_inspected_mutants chapter exercise)
  find_package(Python3 3.9 COMPONENTS Interpreter QUIET)
  set(proved FALSE)
  foreach(mutant IN LISTS ARGN)
    file(STRINGS ${mutant} expected REGEX "^// Inspected as: " LIMIT_COUNT 1)
    if(expected)
      set(proved TRUE)
    endif()
  endforeach()
  if(NOT proved OR NOT Python3_Interpreter_FOUND)
    set_target_properties(${exercise}_mutants_inspected_test PROPERTIES EXCLUDE_FROM_ALL ON)  # for --all, by hand
    return()
  endif()
  add_test(NAME inspected_mutants.${exercise}
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/proofs/inspected_mutants.py
            $<TARGET_FILE:${exercise}_mutants_inspected_test> ${PROJECT_SOURCE_DIR}/solutions/mutants/${exercise})
  set_tests_properties(inspected_mutants.${exercise} PROPERTIES LABELS "${chapter};inspected;mutants" COST 3)
endfunction()
