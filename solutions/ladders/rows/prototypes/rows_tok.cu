#include "rows_list.cuh"
Losses losses() {
  Losses l;
  add_loss_held<512, 8, 2, 0, 0, 0, false>(l);  // the rung held_row
  add_loss_held<512, 8, 2, 0, 0, 0>(l);         // the rung early_start
  add_loss_held<512, 8, 2, 1, 0, 0>(l);
  add_loss_held<512, 8, 2, 1, 1, 1>(l);
  add_loss_held<512, 8, 2, 1, 3, 2>(l);
  add_loss_held<512, 8, 2, 1, 3, 0>(l);
  add_loss_held<1024, 4, 1, 1, 0, 0>(l);
  add_loss_held<1024, 4, 2, 1, 0, 0>(l);
  add_loss_held<512, 8, 1, 1, 0, 0>(l);
  add_loss_held<256, 16, 2, 1, 0, 0>(l);
  add_loss_held<256, 16, 3, 1, 0, 0>(l);
  add_loss_held<256, 16, 3, 1, 1, 1>(l);
  add_loss_held<256, 16, 3, 0, 0, 0>(l);
  add_loss_bulk<256, 16, 3, 1, 0>(l);
  add_loss_bulk<512, 8, 3, 1, 0>(l);
  add_loss_bulk<512, 8, 3, 0, 0>(l);
  add_loss_bulk<512, 8, 3, 1, 0, false>(l);
  add_loss_bulk<640, 7, 3, 1, 0>(l);
  add_loss_bulk<512, 8, 3, 1, 1>(l);
  add_loss_bulk<256, 16, 3, 1, 1>(l);
  add_loss_staying<512, 8, 2, 0, 0>(l);
  add_loss_staying<512, 8, 2, 1, 0>(l);
  add_loss_staying<512, 8, 2, 1, 1>(l);
  add_loss_staying<512, 8, 2, 1, 2>(l);
  add_loss_staying<256, 16, 3, 1, 0>(l);
  add_loss_staying<256, 16, 3, 1, 1>(l);
  add_loss_staying<1024, 4, 1, 1, 0>(l);
  add_loss_ring<1024, 4, 3, 0, 0>(l);
  add_loss_ring<1024, 4, 3, 1, 0>(l);
  add_loss_ring<1024, 4, 3, 1, 1>(l);
  add_loss_ring<512, 8, 3, 1, 0>(l);
  add_loss_ring<768, 6, 3, 1, 0>(l);
  return l;
}
