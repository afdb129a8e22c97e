# Lists that ./workbook reads: NAME.txt in the build directory, an entry in each line. They are written as a whole at the end
# of the configuration. A configuration that is interrupted leaves the lists of the one before it.

# wb_list(NAME): begins the list.
function(wb_list name)
  set_property(GLOBAL PROPERTY WB_LIST_${name} "")
  # Arguments of a deferred call are evaluated when it is made.
  cmake_language(EVAL CODE "cmake_language(DEFER CALL wb_write_list [[${name}]])")
endfunction()

# wb_list_line(NAME TEXT): adds a line.
function(wb_list_line name text)
  set_property(GLOBAL APPEND_STRING PROPERTY WB_LIST_${name} "${text}\n")
endfunction()

function(wb_write_list name)
  get_property(text GLOBAL PROPERTY WB_LIST_${name})
  set(file ${CMAKE_BINARY_DIR}/${name}.txt)
  file(WRITE ${file}.new "${text}")
  file(RENAME ${file}.new ${file})
endfunction()
