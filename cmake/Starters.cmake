# Programs that use starters beside all other implementations: a student trains on kernels of their own.
#
# A starter that does not compile must not stop anything else, so such a program is one of its own, not built by
# default: PROGRAM_with_starters is PROGRAM, and the starters that WB_TRAIN_STARTERS names. ./workbook train sets it.
set(WB_TRAIN_STARTERS "" CACHE STRING "Exercises whose starters are linked into the programs NAME_with_starters")

# wb_with_starters(PROGRAM SOURCES file... LIBRARIES library...): what PROGRAM is made of.
function(wb_with_starters program)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBRARIES" ${ARGN})
  set(starters "")
  foreach(exercise IN LISTS WB_TRAIN_STARTERS)
    if(NOT TARGET ${exercise}_starter)
      message(FATAL_ERROR "WB_TRAIN_STARTERS: there is no exercise '${exercise}' with a starter")
    endif()
    list(APPEND starters ${exercise}_starter)
  endforeach()
  add_executable(${program}_with_starters EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(${program}_with_starters PRIVATE ${ARG_LIBRARIES} ${starters})
endfunction()
