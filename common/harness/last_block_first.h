// The order of blocks, which CUDA leaves open.
#pragma once

namespace wb {

/// While one exists, the CPU device begins each launch with its last block. A GPU keeps its own order.
class LastBlockFirst {
 public:
  LastBlockFirst();
  ~LastBlockFirst();
  LastBlockFirst(const LastBlockFirst&) = delete;
  LastBlockFirst& operator=(const LastBlockFirst&) = delete;
};

}  // namespace wb
