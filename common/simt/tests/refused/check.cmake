# cmake -DTRANSLATOR= -DCOMPILER= -DROOT= -DFILE= -DEXPECT= -P check.cmake: FILE must not build, and say EXPECT.
get_filename_component(name ${FILE} NAME)
execute_process(COMMAND ${TRANSLATOR} ${FILE} -o ${name}.cpp RESULT_VARIABLE code ERROR_VARIABLE words)
if(code EQUAL 0)
  execute_process(
    COMMAND ${COMPILER} -std=c++20 -O1 -I${ROOT} -I${ROOT}/common/simt/include -S ${name}.cpp -o /dev/null
    RESULT_VARIABLE code ERROR_VARIABLE words)
endif()
if(code EQUAL 0)
  message(FATAL_ERROR "${name} builds, but must be refused")
endif()
string(FIND "${words}" "${EXPECT}" found)
if(found EQUAL -1)
  message(FATAL_ERROR "${name} is refused without the words '${EXPECT}':\n${words}")
endif()
