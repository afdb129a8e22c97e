# cuDNN, for attention's `library` on a GPU: target wb_cudnn, where cuDNN 9 and the headers of cudnn_frontend are here.
#
# cudnn_frontend is NVIDIA's header-only way to cuDNN's graphs: no system packages it, but `pip install
# nvidia-cudnn-frontend` brings it into Python's site-packages. PyTorch's wheels bring cuDNN there as well.
# -DWB_CUDNN_FRONTEND_INCLUDE=FOLDER names another place, -DWB_CUDNN=OFF does without.
option(WB_CUDNN "Use cuDNN where it is found (attention's library)" ON)
if(NOT WB_DEVICE STREQUAL "cuda" OR NOT WB_CUDNN)
  return()
endif()

find_package(Python3 3.9 COMPONENTS Interpreter QUIET)
find_path(WB_CUDNN_INCLUDE cudnn_graph.h
  HINTS ${CUDAToolkit_INCLUDE_DIRS} ${Python3_SITELIB}/nvidia/cudnn/include ${Python3_SITEARCH}/nvidia/cudnn/include)
# A wheel has the library under the name that programs load, and no other.
find_library(WB_CUDNN_LIBRARY NAMES cudnn libcudnn.so.9
  HINTS ${WB_CUDNN_INCLUDE}/.. ${CUDAToolkit_LIBRARY_DIR} PATH_SUFFIXES lib lib64)
find_path(WB_CUDNN_FRONTEND_INCLUDE cudnn_frontend.h
  HINTS ${Python3_SITELIB} ${Python3_SITEARCH} PATH_SUFFIXES include)
set(wb_cudnn_frontend 0)
if(WB_CUDNN_FRONTEND_INCLUDE)
  file(STRINGS ${WB_CUDNN_FRONTEND_INCLUDE}/cudnn_frontend_version.h parts
    REGEX "^#define CUDNN_FRONTEND_(MAJOR|MINOR|PATCH)_VERSION +[0-9]+")
  string(REGEX REPLACE "[^0-9;]" "" parts "${parts}")
  string(REPLACE ";" "." wb_cudnn_frontend "${parts}")
endif()

if(NOT WB_CUDNN_INCLUDE OR NOT WB_CUDNN_LIBRARY)
  message(STATUS "cuDNN is missing: attention has no `library` on this device. Everything else works.")
elseif(wb_cudnn_frontend VERSION_LESS 1.32)
  message(STATUS "cudnn_frontend 1.32 is missing (pip install nvidia-cudnn-frontend): "
                 "attention has no `library` on this device. Everything else works.")
else()
  message(STATUS "cuDNN: ${WB_CUDNN_LIBRARY}, through cudnn_frontend ${wb_cudnn_frontend}")
  add_library(wb_cudnn INTERFACE)
  target_include_directories(wb_cudnn SYSTEM INTERFACE ${WB_CUDNN_FRONTEND_INCLUDE} ${WB_CUDNN_INCLUDE})
  # What is left out is graphs as JSON text; it would double the time to compile.
  target_compile_definitions(wb_cudnn INTERFACE CUDNN_FRONTEND_SKIP_JSON_LIB)
  # One of its engines, for another operation, compiles at run time.
  target_link_libraries(wb_cudnn INTERFACE ${WB_CUDNN_LIBRARY} CUDA::cudart CUDA::nvrtc ${CMAKE_DL_LIBS})
endif()
