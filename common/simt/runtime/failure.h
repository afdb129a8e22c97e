// Failures of the device: one line for people on standard error, one sticky code for programs.
#pragma once

#include <string>

#include "simt/api_types.h"

namespace simt::detail {

/// Reports a failure of device work. From now on API calls return `code`, until cudaDeviceReset.
void report_failure(cudaError_t code, const std::string& message);
/// Prints an explanation: of a call that returns an error itself, or (`about_call` false) of something else.
void explain(const std::string& message, bool about_call = true);

/// The sticky error of the device.
cudaError_t device_error();
void clear_device_error();

/// Stores an error for cudaGetLastError of this host thread, and returns it. A sticky error has precedence.
cudaError_t result(cudaError_t code);

/// The last part of a path.
const char* base_name(const char* path);

}  // namespace simt::detail
