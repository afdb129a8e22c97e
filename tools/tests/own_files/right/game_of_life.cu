// Kernels and their launches in a header of the file's own.
// Prints: ....#...........
// Prints: .....#..........
// Prints: ...###..........
#include "game_of_life.cuh"

int main() {
  Board board;
  board.set(1, 0);
  board.set(2, 1);
  board.set(0, 2);
  board.set(1, 2);
  board.set(2, 2);
  for (int generation = 0; generation < 12; ++generation) board.advance();
  board.print();
  return 0;
}
