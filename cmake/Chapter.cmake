# add_chapter(EXERCISES name... [OPERATIONS name...] [SOURCES file...] [DEPENDS chapter...] [COUNTED name...]): everything of
# one chapter. An operation is built and tested as an exercise is, but nobody is asked to write it: it has no starter and no
# lesson. COUNTED names exercises whose tests count accesses of memory (common/harness/counts.h): on the CPU device their test
# programs get kernels that are compiled for the meter.
#
# By convention, for each exercise or operation NAME in the chapter's folder:
#   NAME_solution.cu, NAME_*.cu, NAME_*.cpp   implementations: targets <chapter>_kernels
#   NAME_test.cpp                             NAME_test, a ctest test
#   NAME_bf16_test.cpp, NAME_tf32_test.cpp    NAME_bf16_test, a ctest test: the contracts that store bf16 (or round to
#                                             tf32)
#   NAME_bench.cpp                            NAME_bench
#   NAME_starter.cu                           NAME_starter_test and NAME_starter_bench, not built by default:
#                                             a starter that does not compile stops nothing else.
#                                             ctest starter_unsolved.NAME builds it and proves that it is unsolved
#                                             NAME_inspected_test: the same tests under the inspector of the CPU device,
#                                             ctest inspected.NAME; NAME_metered_bench, which counts (Inspect.cmake)
#   solutions/mutants/NAME/*.cu               wrong kernels; ctest mutants.NAME proves that NAME_test catches each
# An implementation with a line "// Needs: sm_80" is left out of a CUDA build for an older architecture, and with the solution
# the whole exercise; each is named (cmake/Ladder.cmake).
# Files ending in _cuda or _cpu are for that device only. SOURCES names files that are no implementation: starters get
# them too. DEPENDS links the kernels of earlier chapters.
function(add_chapter)
  cmake_parse_arguments(ARG "" "" "EXERCISES;OPERATIONS;SOURCES;DEPENDS;COUNTED" ${ARGN})
  get_filename_component(chapter ${CMAKE_CURRENT_SOURCE_DIR} NAME)

  set(implementations "")
  foreach(exercise IN LISTS ARG_EXERCISES ARG_OPERATIONS)
    file(GLOB files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${exercise}_*.cu ${exercise}_*.cpp)
    list(FILTER files EXCLUDE REGEX "_(starter\\.cu|test\\.cpp|bench\\.cpp)$")
    wb_sources_for_device(files ${files})
    list(APPEND implementations ${files})
  endforeach()
  list(REMOVE_DUPLICATES implementations)
  foreach(file IN LISTS implementations)
    wb_rung_lacks(lacks ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    if(lacks)
      message(STATUS "Chapter: ${chapter}/${file} is left out: ${lacks}")
      list(REMOVE_ITEM implementations ${file})
      string(REGEX MATCH "^(.*)_solution\\.cu$" is_solution ${file})
      if(is_solution)
        list(REMOVE_ITEM ARG_EXERCISES ${CMAKE_MATCH_1})
        list(REMOVE_ITEM ARG_OPERATIONS ${CMAKE_MATCH_1})
      endif()
    endif()
  endforeach()
  if(ARG_SOURCES)
    list(REMOVE_ITEM implementations ${ARG_SOURCES})
  endif()

  # What implementations and starters share: the chapter's own helpers, and the chapters before.
  add_library(${chapter}_support INTERFACE)
  target_link_libraries(${chapter}_support INTERFACE wb_core wb_runtime ${ARG_DEPENDS})
  if(ARG_SOURCES)
    wb_kernels(${chapter}_sources ${ARG_SOURCES})
    target_link_libraries(${chapter}_support INTERFACE $<TARGET_OBJECTS:${chapter}_sources>)
  endif()

  set(sources ${implementations})
  wb_gather_for_ci(${chapter}_kernels sources)
  wb_kernels(${chapter}_kernels ${sources})
  # GCC does not see that a load and its use stand under the same condition (loads_ahead.cuh). Starters keep the warning;
  # what the references read is initcheck's business.
  target_compile_options(${chapter}_kernels PRIVATE
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-uninitialized;-Wno-maybe-uninitialized>)
  # An object library hands its objects only to direct users: collect the whole chain in one interface target.
  add_library(${chapter} INTERFACE)
  target_link_libraries(${chapter} INTERFACE ${chapter}_kernels $<TARGET_OBJECTS:${chapter}_kernels> ${chapter}_support)
  foreach(earlier IN LISTS ARG_DEPENDS)
    target_link_libraries(${chapter}_kernels PUBLIC ${earlier}_headers)
  endforeach()
  add_library(${chapter}_headers INTERFACE)
  target_link_libraries(${chapter}_headers INTERFACE wb_runtime)

  if(WB_INSPECT)
    foreach(how inspected metered)
      wb_instrumented_chapter(${chapter} ${how}
        IMPLEMENTATIONS ${implementations} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS})
    endforeach()
  endif()
  foreach(exercise IN LISTS ARG_EXERCISES ARG_OPERATIONS)
    set(tested ${chapter})
    if(WB_INSPECT AND exercise IN_LIST ARG_COUNTED)
      set(tested ${chapter}_metered)
    endif()
    wb_exercise(${chapter} ${exercise} ${tested})
    if(WB_INSPECT AND TARGET ${exercise}_test_cases)
      wb_inspected_exercise(${chapter} ${exercise})
    endif()
    if(WB_INSPECT AND TARGET ${exercise}_bench_cases)
      wb_metered_exercise(${chapter} ${exercise})
    endif()
  endforeach()
endfunction()

# How a student's file is compiled, unlike ours: its asserts speak.
function(wb_starter_options target)
  target_compile_options(${target} PRIVATE -UNDEBUG)
  wb_prelude(${target} starter)
endfunction()

# An object of a student's file, not built by default.
function(wb_starter_object target file)
  wb_kernels(${target} ${file})
  set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
  wb_starter_options(${target})
  # What is still to be written is not used yet: no reason to warn a student. (A translated one: simt_translate.)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-unused;-Wno-unused-parameter> $<$<COMPILE_LANGUAGE:CUDA>:-diag-suppress=177,550>)
endfunction()

# The test and benchmark programs of one exercise, for its implementations and for its starter. TESTED: the kernels of the
# test programs, <chapter> or <chapter>_metered.
function(wb_exercise chapter exercise tested)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${exercise}_test.cpp)
    # Compiled once: the reference, the starter and the mutants run the same cases.
    add_library(${exercise}_test_cases OBJECT ${exercise}_test.cpp)
    target_link_libraries(${exercise}_test_cases PUBLIC wb_test_main)
    add_executable(${exercise}_test)
    target_link_libraries(${exercise}_test PRIVATE ${exercise}_test_cases ${tested})
    add_test(NAME ${exercise} COMMAND ${exercise}_test)
    set_tests_properties(${exercise} PROPERTIES LABELS ${chapter} COST 4)
  endif()
  # Apart from the exercise: a starter computes in fp32 only.
  foreach(precision bf16 tf32)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${exercise}_${precision}_test.cpp)
      # An object library, since ladders run the same cases.
      add_library(${exercise}_${precision}_test_cases OBJECT ${exercise}_${precision}_test.cpp)
      target_link_libraries(${exercise}_${precision}_test_cases PUBLIC wb_test_main)
      add_executable(${exercise}_${precision}_test)
      target_link_libraries(${exercise}_${precision}_test PRIVATE ${exercise}_${precision}_test_cases ${chapter})
      add_test(NAME ${exercise}_${precision} COMMAND ${exercise}_${precision}_test)
      set_tests_properties(${exercise}_${precision} PROPERTIES LABELS ${chapter} COST 4)
    endif()
  endforeach()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${exercise}_bench.cpp)
    add_library(${exercise}_bench_cases OBJECT ${exercise}_bench.cpp)
    target_link_libraries(${exercise}_bench_cases PUBLIC wb_bench_main)
    add_executable(${exercise}_bench)
    target_link_libraries(${exercise}_bench PRIVATE ${exercise}_bench_cases ${chapter})
  endif()
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${exercise}_starter.cu)
    wb_starter_object(${exercise}_starter ${exercise}_starter.cu)
    set(checked ${exercise}_starter)
    if(WB_DEVICE STREQUAL "cpu")
      # A student waits for this one after every edit: GCC takes twice as long for -O3, and tests gain little by it. What is
      # timed (the benchmark, training) has the object above.
      set(checked ${exercise}_starter_checked)
      wb_starter_object(${checked} ${exercise}_starter.cu)
      set(optimize -O2)
      wb_prelude(${checked} checked)
      if(WB_CHECKED_OPTIMIZE)  # of a chapter whose kernels are many
        set(optimize ${WB_CHECKED_OPTIMIZE} ${SIMT_QUICK_OPTIONS})
        wb_prelude(${checked} checked${WB_CHECKED_OPTIMIZE})
      endif()
      if(tested STREQUAL chapter)
        target_compile_options(${checked} PRIVATE ${optimize})
      else()
        simt_instrument(${checked} metered)
        wb_prelude(${checked} metered_starter)
      endif()
    endif()
    add_executable(${exercise}_starter_test EXCLUDE_FROM_ALL)
    target_link_libraries(${exercise}_starter_test PRIVATE ${exercise}_test_cases ${checked} ${tested}_support)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${exercise}_bench.cpp)
      add_executable(${exercise}_starter_bench EXCLUDE_FROM_ALL)
      target_link_libraries(${exercise}_starter_bench PRIVATE ${exercise}_bench_cases ${exercise}_starter ${chapter}_support)
    endif()
    wb_prove_unsolved(${chapter} ${exercise} ${exercise}_starter.cu)
  endif()
  wb_mutants(${chapter} ${exercise} ${tested})
endfunction()

# The programs that single tests build where they are absent, since they need not compile: starters, and wrong kernels of
# tools/proofs. Built before the tests, they take all processors and wait for no lock:
# cmake --build --preset cpu --target proof_programs -- -k 0
add_custom_target(proof_programs)

# What tests that change starters, or take away what was built of them, have for themselves (RESOURCE_LOCK). All others build
# in this directory at the same time: by the lock of the build directory, one after another (tools/workbook/lock.py).
set(WB_CHANGED_STARTERS starter_vector_add starter_launch)

# ctest starter_unsolved.NAME: the starter compiles, fails at the first step of its lesson, and its benchmark, where it
# has one, starts. One of them runs at a time, since the others would wait for the build directory in the place of tests with
# work to do. Where eight tests run at once, on a GPU, four of them run.
# RACES: its results are right from the start (cmake/Fixit.cmake).
function(wb_prove_unsolved chapter exercise starter)
  cmake_parse_arguments(PARSE_ARGV 3 ARG "RACES" "" "")
  set(bench "")
  if(TARGET ${exercise}_starter_bench)
    set(bench -DBENCH=${exercise}_starter_bench -DBENCH_PROGRAM=$<TARGET_FILE:${exercise}_starter_bench>)
    add_dependencies(proof_programs ${exercise}_starter_bench)
  endif()
  add_dependencies(proof_programs ${exercise}_starter_test)
  # Where all results are right: what judges is the inspector, or compute-sanitizer (cmake/Fixit.cmake).
  set(watched "")
  if(ARG_RACES AND TARGET ${exercise}_starter_inspected_test)
    set(watched -DINSPECTED_TARGET=${exercise}_starter_inspected_test
      -DINSPECTED=$<TARGET_FILE:${exercise}_starter_inspected_test>)
    add_dependencies(proof_programs ${exercise}_starter_inspected_test)
  elseif(ARG_RACES)
    set(watched "-DRACECHECK=${Python3_EXECUTABLE}\\;${PROJECT_SOURCE_DIR}/tools/proofs/racecheck.py")
  endif()
  add_test(NAME starter_unsolved.${exercise}
    COMMAND ${CMAKE_COMMAND} -DSTARTER=${CMAKE_CURRENT_SOURCE_DIR}/${starter} -DBUILD=${CMAKE_BINARY_DIR}
            -DTARGET=${exercise}_starter_test -DPROGRAM=$<TARGET_FILE:${exercise}_starter_test> ${bench} ${watched}
            -P ${PROJECT_SOURCE_DIR}/cmake/StarterUnsolved.cmake)
  set(locks starter_${exercise})
  set(place 0)
  set(cost 60)
  if(WB_DEVICE STREQUAL "cuda")
    string(MD5 place ${exercise})
    string(SUBSTRING ${place} 0 1 place)
    math(EXPR place "0x${place} % 4")
    set(cost 0)
  endif()
  list(APPEND locks building_${place})
  set_tests_properties(starter_unsolved.${exercise} PROPERTIES LABELS "${chapter};starter"
    RESOURCE_LOCK "${locks}" COST ${cost} SKIP_REGULAR_EXPRESSION "^skipped:|\nskipped:")
endfunction()

# The test program linked with wrong kernels, and the proof that it catches each of them.
function(wb_mutants chapter exercise tested)
  file(GLOB mutants CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/solutions/mutants/${exercise}/*.cu)
  find_package(Python3 3.9 COMPONENTS Interpreter QUIET)
  if(NOT mutants OR NOT Python3_Interpreter_FOUND)
    return()
  endif()
  if(WB_DEVICE STREQUAL "cuda")
    wb_gather(${exercise}_mutants mutants)  # in every build: the proof is about all of them
  endif()
  wb_kernels(${exercise}_mutants ${mutants})
  target_compile_options(${exercise}_mutants PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-w> $<$<COMPILE_LANGUAGE:CUDA>:-w>)
  if(NOT tested STREQUAL chapter)
    simt_instrument(${exercise}_mutants metered)
  endif()
  add_executable(${exercise}_mutants_test)
  target_link_libraries(${exercise}_mutants_test PRIVATE ${exercise}_test_cases ${exercise}_mutants ${tested})
  # A GPU has no order to choose.
  set(orders forward,reverse)
  set(jobs 1)
  if(WB_DEVICE STREQUAL "cuda")
    set(orders forward)
    set(jobs 4)  # most of a run is the start of the driver and the oracle on one core
  endif()
  add_test(NAME mutants.${exercise}
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/proofs/mutants.py $<TARGET_FILE:${exercise}_mutants_test>
            ${PROJECT_SOURCE_DIR}/solutions/mutants/${exercise} --orders ${orders} --jobs ${jobs} --device ${WB_DEVICE})
  set_tests_properties(mutants.${exercise} PROPERTIES LABELS "${chapter};mutants" COST 6)
endfunction()
