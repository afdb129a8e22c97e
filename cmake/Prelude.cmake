# GCC reads the CPU device's headers, with which every translated file begins, from a precompiled file: half of the time that a
# small kernel takes. It takes simt/prelude.h.gch beside the simt/prelude.h that it finds first, or that header itself where the
# other was made with different options, or where a file has included it before. Clang takes the header.
set(SIMT_PRELUDES ${PROJECT_BINARY_DIR}/prelude)
set(SIMT_PRECOMPILED "")

# wb_precompile_prelude(NAME options...): for targets whose property WB_PRELUDE is NAME, and which compile with these options.
function(wb_precompile_prelude name)
  set(prelude ${SIMT_PRELUDES}/${name}/simt/prelude.h)
  set(precompiled ${prelude}.gch)
  file(CONFIGURE OUTPUT ${prelude} @ONLY
    CONTENT "#pragma once\n#include \"@PROJECT_SOURCE_DIR@/common/simt/include/simt/prelude.h\"\n")
  string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
  separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${config}}")
  add_custom_command(
    OUTPUT ${precompiled}
    COMMAND ${CMAKE_CXX_COMPILER} ${flags} ${ARGN} -std=gnu++20 ${SIMT_KERNEL_OPTIONS} -w -I${PROJECT_SOURCE_DIR}
            -I${PROJECT_SOURCE_DIR}/common/simt/include -MD -MF ${precompiled}.d -MT prelude/${name}/simt/prelude.h.gch
            -x c++-header ${prelude} -o ${precompiled}
    DEPENDS ${prelude}
    DEPFILE ${precompiled}.d
    COMMENT "simt prelude, ${name}"
    VERBATIM)
  set(SIMT_PRECOMPILED ${SIMT_PRECOMPILED} ${precompiled} PARENT_SCOPE)
endfunction()

# wb_prelude(TARGET NAME): TARGET is an object library of translated kernels.
function(wb_prelude target name)
  set_target_properties(${target} PROPERTIES WB_PRELUDE ${name})
endfunction()

if(WB_DEVICE STREQUAL "cpu" AND NOT WB_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  wb_precompile_prelude(plain)
  wb_precompile_prelude(starter -UNDEBUG)
  wb_precompile_prelude(checked -UNDEBUG -O2)
  wb_precompile_prelude(checked-Og -UNDEBUG -Og ${SIMT_QUICK_OPTIONS})
  if(WB_INSPECT)
    wb_precompile_prelude(inspected ${SIMT_INSPECTED_OPTIONS})
    wb_precompile_prelude(inspected_starter ${SIMT_INSPECTED_OPTIONS} -UNDEBUG)
    wb_precompile_prelude(inspected_starter-fno-inline ${SIMT_INSPECTED_OPTIONS} -UNDEBUG -fno-inline)
    wb_precompile_prelude(metered ${SIMT_METERED_OPTIONS} -DSIMT_METERED)
    wb_precompile_prelude(metered_starter ${SIMT_METERED_OPTIONS} -DSIMT_METERED -UNDEBUG)
  endif()
  add_custom_target(simt_prelude ALL DEPENDS ${SIMT_PRECOMPILED})
endif()
