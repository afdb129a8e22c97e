# add_fixit(NAME CHAPTER chapter [LINK target...] [SOLUTION file...] [RACES]): an exercise in which a component is there, but
# broken.
#
# By convention, in the folder of the call:
#   NAME.h             what the component is asked for
#   NAME_starter.cu    or .cpp: the component, broken. Not built by default, as every starter
#   NAME_test.cpp      red for the symptom, green once it is mended
# NAME_test tests the mended component: solutions/journey/NAME_solution.cpp or .cu where there is one, and SOLUTION. Both
# test programs link LINK. ctest starter_unsolved.NAME proves that the starter is broken.
#
# RACES: a kernel whose results are right, and which has a race. Its tests pass from the start, and what decides is the
# inspector of the CPU device (ctest inspected.NAME for the mended one), or compute-sanitizer on a GPU (ctest
# racecheck.NAME): ./workbook check reads the list of these exercises, racecheck.txt. solutions/mutants/NAME has wrong mends.
#
# TIMES: its symptoms are times, some of them. Nothing else may run beside its test.
function(add_fixit exercise)
  cmake_parse_arguments(ARG "RACES;TIMES" "CHAPTER" "LINK;SOLUTION" ${ARGN})
  add_library(${exercise}_test_cases OBJECT ${exercise}_test.cpp)
  target_link_libraries(${exercise}_test_cases PUBLIC wb_test_main)

  file(GLOB mended CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/solutions/journey/${exercise}_solution.c*)
  set(kernels "")
  if(mended MATCHES "\\.cu$")
    wb_kernels(${exercise}_mended ${mended})
    set(kernels ${exercise}_mended)
    set(mended "")
  endif()
  add_executable(${exercise}_test ${mended} ${ARG_SOLUTION})
  target_link_libraries(${exercise}_test PRIVATE ${exercise}_test_cases ${kernels} ${ARG_LINK})
  add_test(NAME ${exercise} COMMAND ${exercise}_test)
  set_tests_properties(${exercise} PROPERTIES LABELS ${ARG_CHAPTER} RUN_SERIAL ${ARG_TIMES})

  file(GLOB starter CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${exercise}_starter.c*)
  wb_kernels(${exercise}_starter ${starter})
  set_target_properties(${exercise}_starter PROPERTIES EXCLUDE_FROM_ALL ON)
  target_compile_options(${exercise}_starter PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-unused;-Wno-unused-parameter>)
  add_executable(${exercise}_starter_test EXCLUDE_FROM_ALL)
  target_link_libraries(${exercise}_starter_test PRIVATE ${exercise}_test_cases ${exercise}_starter ${ARG_LINK})
  if(ARG_RACES)
    wb_racing_fixit(${ARG_CHAPTER} ${exercise} ${starter})
    wb_prove_unsolved(${ARG_CHAPTER} ${exercise} ${starter} RACES)
  else()
    wb_prove_unsolved(${ARG_CHAPTER} ${exercise} ${starter})
  endif()
endfunction()

# The exercises that compute-sanitizer judges on a GPU, a line each.
wb_list(racecheck)

# What judges a fix-it with a race, on either device, and the proof that it finds wrong mends.
function(wb_racing_fixit chapter exercise starter)
  set(mended ${PROJECT_SOURCE_DIR}/solutions/journey/${exercise}_solution.cu)
  file(GLOB mutants CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/solutions/mutants/${exercise}/*.cu)
  find_package(Python3 3.9 COMPONENTS Interpreter QUIET)
  wb_kernels(${exercise}_mutants ${mutants})
  add_executable(${exercise}_mutants_test)
  target_link_libraries(${exercise}_mutants_test PRIVATE ${exercise}_test_cases ${exercise}_mutants ${exercise}_mended)
  if(WB_DEVICE STREQUAL "cuda")
    wb_list_line(racecheck ${exercise})
    # Lines of the source in what compute-sanitizer reports.
    foreach(target ${exercise}_starter ${exercise}_mended ${exercise}_mutants)
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:-lineinfo>)
    endforeach()
    add_test(NAME racecheck.${exercise}
      COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/proofs/racecheck.py $<TARGET_FILE:${exercise}_test>
              --mutants $<TARGET_FILE:${exercise}_mutants_test> ${PROJECT_SOURCE_DIR}/solutions/mutants/${exercise})
    set_tests_properties(racecheck.${exercise} PROPERTIES LABELS ${chapter}
      SKIP_REGULAR_EXPRESSION "^skipped:|\nskipped:")
    return()
  endif()
  # Wrong mends that the tests see without the inspector.
  if(Python3_Interpreter_FOUND)
    add_test(NAME mutants.${exercise}
      COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/proofs/mutants.py $<TARGET_FILE:${exercise}_mutants_test>
              ${PROJECT_SOURCE_DIR}/solutions/mutants/${exercise} --orders forward,reverse --device cpu)
    set_tests_properties(mutants.${exercise} PROPERTIES LABELS "${chapter};mutants")
  endif()
  if(WB_INSPECT)
    foreach(one starter mended)
      set(file ${starter})
      set(program ${exercise}_starter_inspected)
      if(one STREQUAL "mended")
        set(file ${mended})
        set(program ${exercise}_inspected)
      endif()
      wb_kernels(${exercise}_${one}_inspected ${file})
      simt_inspect(${exercise}_${one}_inspected)
      add_executable(${program}_test)
      target_link_libraries(${program}_test PRIVATE ${exercise}_test_cases ${exercise}_${one}_inspected
        wb_core wb_runtime wb_cblas ${SIMT_INSPECTED_LIBRARY})
    endforeach()
    wb_starter_options(${exercise}_starter_inspected)
    wb_prelude(${exercise}_starter_inspected inspected_starter)
    set_target_properties(${exercise}_starter_inspected ${exercise}_starter_inspected_test PROPERTIES EXCLUDE_FROM_ALL ON)
    wb_list_line(inspected ${exercise})
    add_test(NAME inspected.${exercise} COMMAND ${exercise}_inspected_test)
    set_tests_properties(inspected.${exercise} PROPERTIES LABELS "${chapter};inspected")

    wb_kernels(${exercise}_mutants_inspected ${mutants})
    simt_inspect(${exercise}_mutants_inspected)
    add_executable(${exercise}_mutants_inspected_test)
    target_link_libraries(${exercise}_mutants_inspected_test PRIVATE ${exercise}_test_cases
      ${exercise}_mutants_inspected wb_core wb_runtime wb_cblas ${SIMT_INSPECTED_LIBRARY})
    wb_prove_inspected_mutants(${chapter} ${exercise} ${mutants})
  endif()
endfunction()
