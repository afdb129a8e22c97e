# add_ladder(NAME CHAPTER chapter TESTS exercise... BENCH exercise [CONTRACTS contract...]): the rungs of one ladder,
# solutions/ladders/NAME. With CONTRACTS it climbs only these contracts of the exercise.
#
# By convention, in the ladder's folder:
#   NN_idea.cu          a rung; it registers itself under its idea
#   NN_idea_cuda.cu     a rung with PTX: left out of CPU builds
#   *.cuh, *.h          what rungs share; NAME_cuda.cu the same, compiled
# A rung whose head has a line "// Needs: sm_80" is left out where the build has an architecture below 8.0. With
# "// Needs: sm_90a" it is left out unless the build is for exactly the architectures named: features of 9.0a are in no
# other. Each rung that is left out is named in a line.
#
# Targets and tests: ladder_NAME_rungs, an object library; ladder_NAME_test, ctest ladder.NAME: the chapter's own cases (the
# object libraries <exercise>_test_cases of TESTS) for the rungs alone; ladder_NAME_bench: the chapter's own benchmark of the
# rungs beside the chapter's implementations; ladder_NAME_inspected_test, ctest inspected.ladder.NAME.
function(add_ladder ladder)
  cmake_parse_arguments(ARG "" "CHAPTER;BENCH" "TESTS;CONTRACTS" ${ARGN})
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${ladder})
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${folder}/*.cu)
  wb_sources_for_device(files ${files})
  set(rungs "")
  foreach(file IN LISTS files)
    wb_rung_lacks(lacks ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    if(lacks)
      message(STATUS "Ladder: ${file} is left out: ${lacks}")
    else()
      list(APPEND rungs ${file})
    endif()
  endforeach()
  if(NOT rungs)
    message(STATUS "Ladder: ${ladder} has no rung for this build (the device ${WB_DEVICE})")
    return()
  endif()

  set(sources ${rungs})
  wb_gather_for_ci(ladder_${ladder}_rungs sources)
  wb_kernels(ladder_${ladder}_rungs ${sources})
  target_link_libraries(ladder_${ladder}_rungs PUBLIC ${ARG_CHAPTER}_headers)
  if(TARGET wb_hopper)
    target_link_libraries(ladder_${ladder}_rungs PUBLIC wb_hopper)
  endif()
  set(cases "")
  foreach(exercise IN LISTS ARG_TESTS)
    list(APPEND cases ${exercise}_test_cases)
  endforeach()
  wb_ladder_program(ladder_${ladder}_test "${ARG_CONTRACTS}")
  target_link_libraries(ladder_${ladder}_test PRIVATE ${cases} ladder_${ladder}_rungs ${ARG_CHAPTER}_support)
  add_test(NAME ladder.${ladder} COMMAND ladder_${ladder}_test)
  set_tests_properties(ladder.${ladder} PROPERTIES LABELS "ladders;${ARG_CHAPTER}" COST 7)

  add_executable(ladder_${ladder}_bench)
  target_link_libraries(ladder_${ladder}_bench PRIVATE ${ARG_BENCH}_bench_cases ladder_${ladder}_rungs ${ARG_CHAPTER})

  if(WB_INSPECT)
    wb_kernels(ladder_${ladder}_inspected_rungs ${rungs})
    simt_inspect(ladder_${ladder}_inspected_rungs)
    set_target_properties(ladder_${ladder}_inspected_rungs PROPERTIES EXCLUDE_FROM_ALL ON)
    wb_ladder_program(ladder_${ladder}_inspected_test "${ARG_CONTRACTS}")
    target_link_libraries(ladder_${ladder}_inspected_test PRIVATE ${cases} ladder_${ladder}_inspected_rungs
      ${ARG_CHAPTER}_inspected_support)
    add_test(NAME inspected.ladder.${ladder} COMMAND ladder_${ladder}_inspected_test)
    set_tests_properties(inspected.ladder.${ladder} PROPERTIES LABELS "ladders;${ARG_CHAPTER};inspected" COST 10)
  endif()
endfunction()

# A test program that is about these contracts; about all that its cases declare when there are none.
function(wb_ladder_program target contracts)
  add_executable(${target})
  if(contracts)
    list(JOIN contracts "\", \"" names)
    target_sources(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/testing/contracts.cpp)
    target_compile_definitions(${target} PRIVATE "WB_LADDER_CONTRACTS=\"${names}\"")
    target_link_libraries(${target} PRIVATE wb_test_main)
  endif()
endfunction()

# Puts into `out` why this build cannot have the rung; nothing when it can.
function(wb_rung_lacks out file)
  set(${out} "" PARENT_SCOPE)
  file(STRINGS ${file} needs REGEX "^// Needs: sm_[0-9]+a?$" LIMIT_COUNT 1)
  if(WB_DEVICE STREQUAL "cpu" OR NOT needs)
    return()
  endif()
  string(REGEX REPLACE "^// Needs: sm_" "" needs "${needs}")
  foreach(architecture IN LISTS CMAKE_CUDA_ARCHITECTURES)
    string(REGEX REPLACE "-(real|virtual)$" "" has "${architecture}")
    string(REGEX MATCH "^[0-9]+" number "${has}")
    if(NOT number)
      set(${out} "it needs sm_${needs}, and this build is for '${has}'" PARENT_SCOPE)
    elseif(needs MATCHES "a$" AND NOT has STREQUAL needs)
      set(${out} "it needs sm_${needs}, and this build is for sm_${has}" PARENT_SCOPE)
    elseif(NOT needs MATCHES "a$" AND number LESS needs)
      set(${out} "it needs sm_${needs}, and this build is for sm_${has}" PARENT_SCOPE)
    endif()
  endforeach()
endfunction()
