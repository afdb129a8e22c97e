// The calls of the runtime to the report on a whole program (inspector/program): about failed calls, memory,
// and launches without a wait. In other programs the pointer is null, and there are no calls.
#pragma once

#include <cstddef>
#include <string>

#include "simt/launch.h"

namespace simt::detail {

class ProgramWatch {
 public:
  virtual ~ProgramWatch() = default;

  /// The program allocated memory that it has to free. The list of allocations is locked during this call.
  virtual void allocated(const void* pointer, std::size_t bytes) = 0;
  virtual void freed(const void* pointer) = 0;

  /// A call of the API, or a launch, returned this error.
  virtual void call_failed(cudaError_t code, const std::string& explanation) = 0;
  /// cudaGetLastError or cudaPeekAtLastError was called.
  virtual void error_asked_for() = 0;
  /// Work of the device failed.
  virtual void work_failed(const std::string& explanation) = 0;

  virtual void launched(const Grid& grid) = 0;
  /// The host has waited for work of the device.
  virtual void waited() = 0;
};

extern ProgramWatch* program_watch;

}  // namespace simt::detail
