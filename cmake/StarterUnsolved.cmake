# Proves that a starter is an exercise: it compiles, its test program runs to the end, and in every suite the first test
# fails. The tests of a file follow the steps of the lesson, so the first is where a student begins.
#
#   cmake -DSTARTER=file.cu -DBUILD=dir -DTARGET=name_starter_test -DPROGRAM=path
#         [-DBENCH=name_starter_bench -DBENCH_PROGRAM=path] -P StarterUnsolved.cmake
#
# With BENCH: that program links with the starter alone, and lists what it would measure.
#
# With INSPECTED (the inspected program, of the target INSPECTED_TARGET) or RACECHECK (a command): the results are right, so
# that PROGRAM must pass, and these judge in its place.
#
# Skipped (a line that begins with "skipped:") where the starter is no longer the one that was committed.
cmake_minimum_required(VERSION 3.25)
get_filename_component(folder ${STARTER} DIRECTORY)
get_filename_component(name ${STARTER} NAME)

# Outside of a repository (an archive, a copy) nothing tells what was handed out: take the file as it is. `git diff` alone
# would compare with a file called HEAD there, and find a difference.
execute_process(COMMAND git rev-parse --verify HEAD WORKING_DIRECTORY ${folder} RESULT_VARIABLE unknown
                OUTPUT_QUIET ERROR_QUIET)
execute_process(COMMAND git diff --quiet HEAD -- ${STARTER} WORKING_DIRECTORY ${folder} RESULT_VARIABLE changed
                OUTPUT_QUIET ERROR_QUIET)
if(unknown EQUAL 0 AND changed EQUAL 1)
  message("skipped: you have changed ${name}; this test is about the file as it was handed out")
  return()
endif()
file(READ ${STARTER} text)
if(NOT text MATCHES "TODO")
  message("skipped: ${name} has no TODO left: it was solved and committed")
  return()
endif()

# ./workbook builds in this directory under the same lock (tools/workbook/lock.py).
file(LOCK ${BUILD}.lock GUARD PROCESS TIMEOUT 1200)
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD} --target ${TARGET} ${INSPECTED_TARGET} ${BENCH} RESULT_VARIABLE code
                OUTPUT_VARIABLE output ERROR_VARIABLE output)
file(LOCK ${BUILD}.lock RELEASE)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${name} must compile before a student touches it, but:\n${output}")
endif()

if(BENCH)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=WB_RESULTS_DIR --unset=WB_IMPL
                          ${BENCH_PROGRAM} --benchmark_list_tests=true
                  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0 OR NOT output MATCHES "/starter/")
    message(FATAL_ERROR "${BENCH} must list what it would measure of the starter, but (${code}):\n${output}")
  endif()
endif()

if(INSPECTED OR RACECHECK)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=WB_RESULTS_DIR --unset=WB_IMPL ${PROGRAM}
                  RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${name}: its results are right and all its tests must pass, but (${code}):\n${output}")
  endif()
  message("${name}: all results are right, as they must be")
endif()
if(RACECHECK)
  execute_process(COMMAND ${RACECHECK} --starter ${PROGRAM} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${name}: compute-sanitizer must find a race, but (${code}):\n${output}")
  endif()
  message("${output}")
  return()
endif()
if(INSPECTED)
  set(PROGRAM ${INSPECTED})
  set(TARGET ${INSPECTED_TARGET})
endif()

set(results ${BUILD}/starter_unsolved)
set(report ${results}/tests/${TARGET}.json)
file(REMOVE ${report})
execute_process(COMMAND ${CMAKE_COMMAND} -E env WB_RESULTS_DIR=${results} --unset=WB_IMPL ${PROGRAM}
                RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT EXISTS ${report})
  message(FATAL_ERROR "${name} must run to the end of its tests, but they stopped (${code}):\n${output}")
endif()

# Judge the first test of every suite that ran the starter.
file(READ ${report} report)
string(JSON count LENGTH ${report} body tests)
set(suites "")
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON suite GET ${report} body tests ${i} suite)
  string(JSON test GET ${report} body tests ${i} test)
  string(JSON implementation GET ${report} body tests ${i} implementation)
  string(JSON status GET ${report} body tests ${i} status)
  if(NOT implementation STREQUAL "starter" OR suite IN_LIST suites)
    continue()
  endif()
  list(APPEND suites ${suite})
  if(NOT status STREQUAL "failed")
    message(FATAL_ERROR "${name}: ${suite}.${test} is the first step of the lesson and must fail, but it ${status}")
  endif()
  message("${name}: fails at ${suite}.${test}, as it must")
endforeach()
if(NOT suites)
  message(FATAL_ERROR "${name}: no test of ${TARGET} ran an implementation called starter")
endif()
