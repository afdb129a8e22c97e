#include "rows_list.cuh"
using F = float;
Norms rms_long() {
  Norms l;
  add_held<F, false, 1024, 8, 0, 1, 0, 0, 2, false>(l);  // near the rung
  add_held<F, false, 1024, 8, 0, 1, 0, 0, 4, false>(l);
  add_held<F, false, 1024, 8, 0, 1, 1, 1, 2, false>(l);
  add_held<F, false, 1024, 8, 0, 1, 1, 1, 2, true>(l);
  add_held<F, false, 1024, 8, 0, 1, 3, 2, 2, true>(l);
  add_held<F, false, 1024, 4, 4, 1, 1, 1, 8, true>(l);
  add_held<F, false, 512, 8, 8, 2, 0, 0, 2, false>(l);
  add_held<F, false, 512, 8, 8, 2, 0, 0, 3, true>(l);
  add_held<F, false, 512, 8, 8, 2, 1, 1, 2, false>(l);
  add_held<F, false, 512, 8, 8, 2, 1, 1, 3, false>(l);
  add_held<F, false, 512, 8, 8, 2, 1, 1, 3, true>(l);
  add_held<F, false, 512, 8, 8, 2, 3, 2, 3, true>(l);
  add_held<F, false, 512, 8, 8, 2, 3, 0, 3, true>(l);
  add_held<F, false, 512, 8, 8, 2, 2, 1, 3, true>(l);
  add_held<F, false, 512, 4, 12, 2, 1, 1, 6, true>(l);
  add_held<F, false, 512, 4, 12, 2, 3, 2, 6, true>(l);
  add_staying<F, false, 1024, 8, 1, 2, 1, 0>(l);
  add_staying<F, false, 1024, 8, 1, 2, 1, 1>(l);
  add_staying<F, false, 1024, 4, 2, 1, 1, 0>(l);
  add_staying<F, false, 1024, 4, 2, 1, 1, 1>(l);
  add_staying<F, false, 1024, 4, 2, 0, 1, 0>(l);
  add_staying<F, false, 1024, 4, 2, 0, 1, 1>(l);
  add_staying<F, false, 1024, 4, 2, 0, 1, 2>(l);
  add_staying<F, false, 512, 8, 2, 0, 1, 1>(l);
  add_staying<F, false, 512, 4, 4, 1, 2, 0>(l);
  add_staying<F, false, 512, 4, 4, 0, 2, 0>(l);
  add_staying<F, false, 512, 4, 4, 0, 2, 1>(l);
  add_staying<F, false, 512, 4, 4, 1, 3, 1>(l);
  add_staying<F, false, 256, 4, 8, 0, 4, 1>(l);
  add_twice<F, false, 1024, 1, 0, false, 2>(l, 8192);
  add_twice<F, false, 1024, 1, 1, false, 2>(l, 8192);
  add_twice<F, false, 1024, 1, 1, true, 2>(l, 8192);
  add_twice<F, false, 1024, 2, 1, false, 1>(l, 8192);
  add_twice<F, false, 1024, 4, 1, false, 1>(l, 8192);
  add_twice<F, false, 512, 4, 1, false, 1>(l, 8192);
  add_twice<F, false, 512, 1, 1, false, 4>(l, 8192);
  add_twice<F, false, 512, 2, 1, false, 2>(l, 8192);
  add_twice<F, false, 512, 2, 1, false, 2, false>(l, 8192);
  return l;
}
Norms rms_middle() {
  Norms l;
  add_held<F, false, 512, 4, 0, 1, 0, 0, 4, true>(l);  // the rung
  add_held<F, false, 512, 4, 0, 1, 0, 0, 4, true, false>(l);
  add_held<F, false, 512, 4, 0, 1, 1, 1, 4, true>(l);
  add_held<F, false, 512, 4, 0, 1, 3, 2, 4, true>(l);
  add_held<F, false, 512, 4, 0, 1, 3, 0, 4, true>(l);
  add_held<F, false, 512, 4, 0, 1, 0, 1, 4, true>(l);
  add_held<F, false, 512, 4, 0, 3, 1, 1, 2, true>(l);
  add_held<F, false, 256, 8, 0, 3, 1, 1, 2, true>(l);
  add_held<F, false, 256, 8, 0, 3, 0, 0, 8, true>(l);
  add_held<F, false, 1024, 2, 0, 1, 0, 0, 2, true>(l);
  add_held<F, false, 1024, 2, 0, 2, 1, 1, 2, true>(l);
  add_staying<F, false, 512, 4, 1, 0, 2, 0>(l);
  add_staying<F, false, 512, 4, 1, 0, 2, 1>(l);
  add_staying<F, false, 512, 4, 1, 1, 2, 1>(l);
  add_staying<F, false, 512, 4, 1, 1, 3, 1>(l);
  add_staying<F, false, 1024, 2, 1, 0, 2, 1>(l);
  add_staying<F, false, 1024, 2, 1, 0, 1, 1>(l);
  add_staying<F, false, 256, 8, 1, 1, 3, 1>(l);
  add_staying<F, false, 256, 4, 2, 0, 4, 1>(l);
  add_twice<F, false, 512, 1, 0, false, 4>(l, 2048);
  add_twice<F, false, 512, 1, 1, false, 4>(l, 2048);
  add_twice<F, false, 512, 1, 1, false, 4, false>(l, 2048);
  add_twice<F, false, 512, 1, 1, true, 4>(l, 2048);
  add_twice<F, false, 1024, 1, 1, false, 2>(l, 2048);
  add_twice<F, false, 256, 2, 1, false, 4>(l, 2048);
  add_twice<F, false, 512, 2, 1, false, 2>(l, 2048);
  add_twice<F, false, 1024, 2, 1, false, 1>(l, 2048);
  add_twice<F, false, 512, 4, 1, false, 1>(l, 2048);
  return l;
}
