# What ./workbook run and inspect build a CUDA file of the user's own with (tools/workbook/own_build.py): the targets
# own_file_parts, own_file_inspector and own_file_meter make the parts, and own_file.json in the build directory names
# them, with the compiler and its options.
function(wb_own_file)
  foreach(how inspected metered)
    string(TOUPPER ${how} upper)
    set(${how} "${SIMT_${upper}_OPTIONS}")
    list(TRANSFORM ${how} REPLACE "^SHELL:" "")  # "SHELL:-mllvm -x" are two words
    string(REPLACE " " ";" ${how} "${${how}}")
    list(JOIN ${how} "\", \"" ${how})
  endforeach()
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
  separate_arguments(link_flags UNIX_COMMAND "${CMAKE_EXE_LINKER_FLAGS}")
  list(JOIN SIMT_KERNEL_OPTIONS "\", \"" kernel)
  list(JOIN flags "\", \"" flags)
  list(JOIN link_flags "\", \"" link_flags)

  # Those of starters have the same options: what -O2 makes, and what is inspected.
  set(preludes "")
  set(precompiled "")
  if(SIMT_PRECOMPILED)
    set(preludes "\"cpu\": \"${SIMT_PRELUDES}/checked\"")
    set(precompiled ${SIMT_PRELUDES}/checked/simt/prelude.h.gch)
    if(WB_INSPECT)
      string(APPEND preludes ", \"inspected\": \"${SIMT_PRELUDES}/inspected_starter\"")
      set(precompiled_inspector ${SIMT_PRELUDES}/inspected_starter/simt/prelude.h.gch)
    endif()
  endif()

  add_custom_target(own_file_parts DEPENDS ${precompiled})
  add_dependencies(own_file_parts simt-translate simt)
  set(inspector_parts simt_instrumented_objects simt_inspector_objects simt_inspected_program)
  set(meter_parts simt_instrumented_objects simt_meter_objects)
  foreach(listener inspector meter)
    set(${listener} "")
    add_custom_target(own_file_${listener} DEPENDS ${precompiled_${listener}})
    add_dependencies(own_file_${listener} own_file_parts)
    if(WB_INSPECT)
      add_dependencies(own_file_${listener} ${${listener}_parts})
      foreach(part IN LISTS ${listener}_parts)
        list(APPEND ${listener} "\"$<JOIN:$<TARGET_OBJECTS:${part}>,\", \">\"")
      endforeach()
      list(JOIN ${listener} ", " ${listener})
    endif()
  endforeach()
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/own_file.json CONTENT "{
  \"schema_version\": 3,
  \"compiler\": \"${CMAKE_CXX_COMPILER}\",
  \"translator\": \"$<TARGET_FILE:simt-translate>\",
  \"include\": \"${PROJECT_SOURCE_DIR}/common/simt/include\",
  \"preludes\": {${preludes}},
  \"flags\": [\"${flags}\"],
  \"link_flags\": [\"${link_flags}\"],
  \"kernel_options\": [\"${kernel}\"],
  \"inspect_options\": [\"${inspected}\"],
  \"inspector\": [${inspector}],
  \"meter_options\": [\"-DSIMT_METERED\", \"${metered}\"],
  \"meter\": [${meter}],
  \"libraries\": [\"$<TARGET_FILE:simt>\", \"$<TARGET_LINKER_FILE:fmt::fmt>\", \"$<TARGET_LINKER_FILE:Boost::context>\"]
}
")
endfunction()
