// Records when kernels ran, while somebody asks for it.
#pragma once

#include <cstdint>
#include <string>

namespace simt::detail {

void record_on_timeline(const std::string& name, std::int64_t start_ns, std::int64_t end_ns);
long long nanoseconds();

}  // namespace simt::detail
