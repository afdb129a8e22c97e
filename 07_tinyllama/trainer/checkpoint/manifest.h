// manifest.json: which files make a checkpoint, with the size and the CRC-32 of each.
#pragma once

#include "07_tinyllama/trainer/checkpoint/checkpoint_store.h"

namespace wb {

/// Errors: DurableFile's.
void write_manifest(const std::filesystem::path& folder, const Manifest& files);

}  // namespace wb
