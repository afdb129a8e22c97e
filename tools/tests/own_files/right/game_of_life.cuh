// The board of game_of_life.cu, its kernel and its launch.
#pragma once

#include <cstdio>

#include "detail/neighbors.h"

template <int kThreads>
__global__ void advance_board(const unsigned char* now, unsigned char* next) {
  extern __shared__ unsigned char row[];  // three rows of the board
  for (int i = threadIdx.x; i < 3 * kSide; i += kThreads) {
    row[i] = now[wrapped(blockIdx.x + i / kSide - 1) * kSide + i % kSide];
  }
  __syncthreads();
  for (int x = threadIdx.x; x < kSide; x += kThreads) {
    const int neighbors = count_neighbors(row, x);
    next[blockIdx.x * kSide + x] = neighbors == 3 || (neighbors == 2 && row[kSide + x]);
  }
}

class Board {
 public:
  Board() {
    cudaMallocManaged(&now_, kSide * kSide);
    cudaMallocManaged(&next_, kSide * kSide);
    cudaMemset(now_, 0, kSide * kSide);
    cudaDeviceSynchronize();
  }
  ~Board() {
    cudaFree(now_);
    cudaFree(next_);
  }
  void set(int x, int y) { now_[y * kSide + x] = 1; }
  void advance() {
    advance_board<32><<<kSide, 32, 3 * kSide>>>(now_, next_);
    cudaDeviceSynchronize();
    std::swap(now_, next_);
  }
  void print() const {
    for (int y = 0; y < kSide; ++y) {
      for (int x = 0; x < kSide; ++x) std::putchar(now_[y * kSide + x] ? '#' : '.');
      std::putchar('\n');
    }
  }

 private:
  unsigned char *now_ = nullptr, *next_ = nullptr;
};
