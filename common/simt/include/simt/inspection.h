// Calls of a program to the inspector (common/simt/inspector), if it is linked in. Otherwise they do nothing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace simt {

/// True where the inspector, or the meter (metering.h), watches the kernels of this program.
bool inspected();

/// The findings of the inspector since the last call, in work for which the host has waited: a JSON document
/// per finding, whose "text" is for a person.
std::vector<std::string> take_findings();

/// Device memory whose contents count as never written, whatever was copied there before. Waits for the
/// device.
void declare_unwritten(void* pointer, std::size_t bytes);

/// Device memory that no kernel may access, such as a canary. Waits for the device.
void declare_forbidden(void* pointer, std::size_t bytes);

}  // namespace simt
