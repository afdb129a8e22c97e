// In which order the blocks of a persistent grid take the tiles of C.
#pragma once

namespace wb {

/// Bands of `band` rows of tiles, column by column within a band: what is multiplied at one time shares rows
/// of a and columns of b in the L2 cache. A tile here is what a cluster owns.
struct TileOrder {
  int rows, columns;  // of tiles
  int band;

  __host__ __device__ int count() const { return rows * columns; }

  __device__ void place(int tile, int& row, int& column) const {
    const int per_band = band * columns;
    const int first = tile / per_band * band;
    const int height = min(rows - first, band);
    row = first + tile % per_band % height;
    column = tile % per_band / height;
  }
};

}  // namespace wb
