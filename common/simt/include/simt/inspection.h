// Talks to the inspector (common/simt/inspector) in programs that have it linked in. In others nothing
// happens.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace simt {

/// True where the inspector watches the kernels of this program.
bool inspected();

/// What the inspector found since the last call, in work that was waited for: a JSON document per finding,
/// whose "text" is for a person.
std::vector<std::string> take_findings();

/// Device memory whose contents count as never written, whatever was copied there before. Waits for the
/// device.
void declare_unwritten(void* pointer, std::size_t bytes);

/// Device memory that no kernel may touch, such as a canary. Waits for the device.
void declare_forbidden(void* pointer, std::size_t bytes);

}  // namespace simt
