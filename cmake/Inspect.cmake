# Inspected programs of the CPU device: kernels compiled with calls before every access, linked with simt's inspector in
# place of the compilers' runtime libraries (common/simt/inspector).

# At -O1 each access of the source still has a call of its own; at -O2 neighbours are merged. Calls in tail position would
# lose the line they come from.
set(SIMT_INSPECT_OPTIONS -O1 -g -fsanitize=thread,bounds,alignment,signed-integer-overflow -fno-optimize-sibling-calls)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND SIMT_INSPECT_OPTIONS --param=tsan-instrument-func-entry-exit=0 -Wno-tsan -fno-tree-loop-im)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND SIMT_INSPECT_OPTIONS "SHELL:-mllvm -tsan-instrument-func-entry-exit=0")
endif()

# Where this compiler cannot, or another sanitizer is at work, the inspected programs are left out.
set(WB_INSPECT OFF)
# The exercises whose starters can be inspected, a line each: ./workbook check reads it.
set(WB_INSPECTED_LIST ${CMAKE_BINARY_DIR}/inspected.txt)
file(WRITE ${WB_INSPECTED_LIST} "")
if(WB_DEVICE STREQUAL "cpu" AND NOT WB_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang"
   AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(WB_INSPECT ON)
endif()

# simt_inspect(TARGET): TARGET is an object library of translated kernels; compile it for the inspector.
function(simt_inspect target)
  target_compile_options(${target} PRIVATE ${SIMT_INSPECT_OPTIONS} -w)
  target_link_libraries(${target} PUBLIC wb_core wb_runtime)
endfunction()

# wb_inspected_chapter(CHAPTER IMPLEMENTATIONS file... SOURCES file... DEPENDS chapter...): the chapter's kernels again, as
# <chapter>_inspected; and <chapter>_inspected_support, which starters need without them.
function(wb_inspected_chapter chapter)
  cmake_parse_arguments(ARG "" "" "IMPLEMENTATIONS;SOURCES;DEPENDS" ${ARGN})
  add_library(${chapter}_inspected_support INTERFACE)
  target_link_libraries(${chapter}_inspected_support INTERFACE wb_core wb_runtime wb_cblas simt_inspector)
  if(ARG_SOURCES)
    wb_kernels(${chapter}_inspected_sources ${ARG_SOURCES})
    set_target_properties(${chapter}_inspected_sources PROPERTIES EXCLUDE_FROM_ALL ON)
    simt_inspect(${chapter}_inspected_sources)
    target_link_libraries(${chapter}_inspected_support INTERFACE $<TARGET_OBJECTS:${chapter}_inspected_sources>)
  endif()
  # Kernels for the CPU device alone call its libraries: host code, though it runs as a kernel.
  set(host_kernels ${ARG_IMPLEMENTATIONS})
  list(FILTER host_kernels INCLUDE REGEX "_cpu\\.cu$")
  if(host_kernels)
    list(REMOVE_ITEM ARG_IMPLEMENTATIONS ${host_kernels})
    wb_kernels(${chapter}_uninspected_kernels ${host_kernels})
    target_link_libraries(${chapter}_uninspected_kernels PRIVATE wb_cblas)
    target_compile_options(${chapter}_uninspected_kernels PRIVATE -w)
    set_target_properties(${chapter}_uninspected_kernels PROPERTIES EXCLUDE_FROM_ALL ON)
    foreach(earlier IN LISTS ARG_DEPENDS)
      target_link_libraries(${chapter}_uninspected_kernels PUBLIC ${earlier}_headers)
    endforeach()
  endif()
  wb_kernels(${chapter}_inspected_kernels ${ARG_IMPLEMENTATIONS})
  simt_inspect(${chapter}_inspected_kernels)
  target_link_libraries(${chapter}_inspected_kernels PRIVATE wb_cblas)
  set_target_properties(${chapter}_inspected_kernels PROPERTIES EXCLUDE_FROM_ALL ON)
  foreach(earlier IN LISTS ARG_DEPENDS)
    target_link_libraries(${chapter}_inspected_kernels PUBLIC ${earlier}_headers)
    target_link_libraries(${chapter}_inspected_support INTERFACE ${earlier}_inspected)
  endforeach()
  add_library(${chapter}_inspected INTERFACE)
  target_link_libraries(${chapter}_inspected INTERFACE ${chapter}_inspected_kernels
    $<TARGET_OBJECTS:${chapter}_inspected_kernels> ${chapter}_inspected_support)
  if(host_kernels)
    target_link_libraries(${chapter}_inspected INTERFACE $<TARGET_OBJECTS:${chapter}_uninspected_kernels>)
  endif()
endfunction()

# wb_inspected_exercise(CHAPTER EXERCISE): NAME_inspected_test, ctest inspected.NAME: no finding in any implementation.
# NAME_starter_inspected_test on demand. NAME_mutants_inspected_test, ctest inspected_mutants.NAME: the inspector alone finds
# the mutants whose heads say so. One order is enough: findings do not depend on it.
function(wb_inspected_exercise chapter exercise)
  add_executable(${exercise}_inspected_test)
  target_link_libraries(${exercise}_inspected_test PRIVATE ${exercise}_test_cases ${chapter}_inspected)
  set(filter "")
  if(exercise STREQUAL "attention")
    # More than a minute of shuffles; its other tests are watched.
    set(filter --gtest_filter=-*MatchesOracle/warp_per_query)
  endif()
  add_test(NAME inspected.${exercise} COMMAND ${exercise}_inspected_test ${filter})
  set_tests_properties(inspected.${exercise} PROPERTIES LABELS "${chapter};inspected")
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${exercise}_starter.cu)
    wb_kernels(${exercise}_starter_inspected ${exercise}_starter.cu)
    simt_inspect(${exercise}_starter_inspected)
    wb_starter_options(${exercise}_starter_inspected)
    set_target_properties(${exercise}_starter_inspected PROPERTIES EXCLUDE_FROM_ALL ON)
    add_executable(${exercise}_starter_inspected_test EXCLUDE_FROM_ALL)
    target_link_libraries(${exercise}_starter_inspected_test PRIVATE ${exercise}_test_cases
      ${exercise}_starter_inspected ${chapter}_inspected_support)
    file(APPEND ${WB_INSPECTED_LIST} "${exercise}\n")
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
  set_tests_properties(inspected_mutants.${exercise} PROPERTIES LABELS "${chapter};inspected;mutants")
endfunction()
