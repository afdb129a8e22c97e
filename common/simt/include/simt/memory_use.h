// How much device memory the program holds, to the byte.
#pragma once

#include <cstddef>

namespace simt {

std::size_t device_bytes_in_use();

}  // namespace simt
