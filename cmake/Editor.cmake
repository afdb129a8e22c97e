# compile_commands.json in the workbook's folder, for clangd (tools/workbook/editor.py). A build does without it.
find_package(Python3 3.9 COMPONENTS Interpreter QUIET)
if(Python3_Interpreter_FOUND)
  execute_process(COMMAND ${Python3_EXECUTABLE} -m workbook.editor WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/tools
                  OUTPUT_QUIET ERROR_QUIET)
endif()
