# add_fixit(NAME CHAPTER chapter LINK target... [SOLUTION file...]): an exercise in which a component is there, but broken.
#
# By convention, in the folder of the call:
#   NAME.h             what the component is asked for
#   NAME_starter.cu    or .cpp: the component, broken. Not built by default, as every starter
#   NAME_test.cpp      red for the symptom, green once it is mended
# NAME_test tests the mended component: solutions/journey/NAME_solution.cpp where there is one, and SOLUTION. Both test
# programs link LINK. ctest starter_unsolved.NAME proves that the starter is broken.
function(add_fixit exercise)
  cmake_parse_arguments(ARG "" "CHAPTER" "LINK;SOLUTION" ${ARGN})
  add_library(${exercise}_test_cases OBJECT ${exercise}_test.cpp)
  target_link_libraries(${exercise}_test_cases PUBLIC wb_test_main)

  set(mended ${PROJECT_SOURCE_DIR}/solutions/journey/${exercise}_solution.cpp)
  if(NOT EXISTS ${mended})
    set(mended "")
  endif()
  add_executable(${exercise}_test ${mended} ${ARG_SOLUTION})
  target_link_libraries(${exercise}_test PRIVATE ${exercise}_test_cases ${ARG_LINK})
  add_test(NAME ${exercise} COMMAND ${exercise}_test)
  # Its symptoms are times, some of them: nothing else may run beside it.
  set_tests_properties(${exercise} PROPERTIES LABELS ${ARG_CHAPTER} RUN_SERIAL ON)

  file(GLOB starter CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${exercise}_starter.c*)
  wb_kernels(${exercise}_starter ${starter})
  set_target_properties(${exercise}_starter PROPERTIES EXCLUDE_FROM_ALL ON)
  target_compile_options(${exercise}_starter PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-unused;-Wno-unused-parameter>)
  add_executable(${exercise}_starter_test EXCLUDE_FROM_ALL)
  target_link_libraries(${exercise}_starter_test PRIVATE ${exercise}_test_cases ${exercise}_starter ${ARG_LINK})
  wb_prove_unsolved(${ARG_CHAPTER} ${exercise} ${starter})
endfunction()
