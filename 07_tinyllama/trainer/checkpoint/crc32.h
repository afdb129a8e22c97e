// CRC-32 of files: what tells a checkpoint with a flipped bit from the one that was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace wb {

/// The CRC-32 of zlib, gzip and PNG (polynomial 0xEDB88320): `python3 -c "import zlib; ..."` gives the same.
/// `before` is the value of the bytes before these, so that a file can be taken in parts: 0 at its start.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace wb
