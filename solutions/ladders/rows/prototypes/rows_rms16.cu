#include "rows_list.cuh"
using H = b16;
Norms rms16_long() {
  Norms l;
  add_held<H, false, 512, 8, 0, 1, 0, 0, 2, false>(l);  // near the rung
  add_held<H, false, 512, 8, 0, 2, 0, 0, 2, true>(l);
  add_held<H, false, 512, 8, 0, 2, 1, 1, 2, true>(l);
  add_held<H, false, 512, 8, 0, 2, 3, 2, 2, true>(l);
  add_held<H, false, 512, 4, 4, 2, 1, 1, 4, true>(l);
  add_held<H, false, 512, 2, 6, 3, 1, 1, 4, true>(l);
  add_held<H, false, 1024, 4, 0, 1, 0, 0, 4, true>(l);
  add_held<H, false, 256, 8, 8, 3, 1, 1, 3, true>(l);
  add_held<H, false, 256, 8, 8, 3, 3, 2, 3, true>(l);
  add_staying<H, false, 512, 8, 1, 2, 2, 0>(l);
  add_staying<H, false, 512, 8, 1, 2, 2, 1>(l);
  add_staying<H, false, 1024, 4, 1, 0, 1, 1>(l);
  add_staying<H, false, 1024, 4, 1, 1, 1, 1>(l);
  add_staying<H, false, 512, 4, 2, 0, 2, 0>(l);
  add_staying<H, false, 512, 4, 2, 0, 2, 1>(l);
  add_staying<H, false, 512, 4, 2, 1, 3, 1>(l);
  add_staying<H, false, 256, 4, 4, 0, 4, 1>(l);
  add_twice<H, false, 512, 1, 0, false, 2>(l, 4096);
  add_twice<H, false, 512, 1, 1, false, 2>(l, 4096);
  add_twice<H, false, 512, 1, 1, true, 2>(l, 4096);
  add_twice<H, false, 512, 2, 1, false, 2>(l, 4096);
  add_twice<H, false, 1024, 1, 1, false, 2>(l, 4096);
  add_twice<H, false, 256, 2, 1, false, 4>(l, 4096);
  add_twice<H, false, 1024, 2, 1, false, 1>(l, 4096);
  add_twice<H, false, 512, 4, 1, false, 1>(l, 4096);
  add_twice<H, false, 512, 4, 1, false, 2>(l, 4096);
  add_twice<H, false, 1024, 4, 1, false, 1>(l, 4096);
  return l;
}
Norms rms16_middle() {
  Norms l;
  add_held<H, false, 256, 4, 0, 1, 0, 0, 4, true>(l);  // the rung
  add_held<H, false, 256, 4, 0, 1, 1, 1, 4, true>(l);
  add_held<H, false, 256, 4, 0, 1, 3, 2, 4, true>(l);
  add_held<H, false, 256, 4, 0, 1, 0, 1, 4, true>(l);
  add_held<H, false, 256, 4, 0, 5, 1, 1, 2, true>(l);
  add_held<H, false, 512, 2, 0, 1, 0, 0, 2, true>(l);
  add_held<H, false, 512, 2, 0, 3, 1, 1, 2, true>(l);
  add_held<H, false, 1024, 1, 0, 2, 1, 1, 1, true>(l);
  add_held<H, false, 128, 8, 0, 6, 1, 1, 2, true>(l);
  add_several<H, 256, 4, 2, 0, 0>(l);
  add_several<H, 512, 2, 2, 0, 0>(l);
  add_several<H, 512, 2, 2, 1, 1>(l);
  add_staying<H, false, 256, 4, 1, 0, 4, 0>(l);
  add_staying<H, false, 256, 4, 1, 0, 4, 1>(l);
  add_staying<H, false, 256, 4, 1, 1, 6, 1>(l);
  add_staying<H, false, 512, 2, 1, 0, 3, 1>(l);
  add_staying<H, false, 128, 8, 1, 1, 6, 1>(l);
  add_twice<H, false, 512, 1, 0, false, 4>(l, 1024);
  add_twice<H, false, 512, 1, 1, false, 4>(l, 1024);
  add_twice<H, false, 256, 1, 1, false, 8>(l, 1024);
  add_twice<H, false, 256, 2, 1, false, 4>(l, 1024);
  add_twice<H, false, 128, 4, 1, false, 4>(l, 1024);
  add_twice<H, false, 128, 2, 1, false, 8>(l, 1024);
  return l;
}
Norms rms16_short() {
  Norms l;
  add_several<H, 128, 1, 2, 0, 0>(l);  // the rung
  add_several<H, 128, 1, 2, 0, 0, false>(l);
  add_several<H, 128, 1, 1, 0, 0>(l);
  add_several<H, 128, 1, 4, 0, 0>(l);
  add_several<H, 128, 1, 2, 1, 1>(l);
  add_several<H, 128, 1, 2, 2, 0>(l);
  add_several<H, 128, 1, 2, 4, 0>(l);
  add_several<H, 64, 2, 1, 0, 0>(l);
  add_several<H, 64, 2, 2, 0, 0>(l);
  add_several<H, 64, 2, 4, 0, 0>(l);
  add_several<H, 32, 4, 1, 0, 0>(l);
  add_several<H, 32, 4, 2, 0, 0>(l);
  add_warps<H, 4, 4, 1, false, 0, 0>(l, 0);
  add_warps<H, 8, 4, 1, false, 0, 0>(l, 0);
  add_warps<H, 16, 4, 1, false, 0, 0>(l, 0);
  add_warps<H, 4, 4, 1, false, 1, 1>(l, 0);
  add_warps<H, 4, 4, 2, false, 0, 0>(l, 0);
  add_warps<H, 8, 4, 2, false, 0, 0>(l, 0);
  add_warps<H, 2, 4, 2, false, 0, 0>(l, 0);
  add_warps<H, 8, 4, 1, true, 0, 0>(l, 4);
  add_warps<H, 8, 4, 1, true, 0, 0>(l, 3);
  add_warps<H, 4, 4, 1, true, 0, 0>(l, 6);
  add_warps<H, 4, 4, 1, true, 0, 0>(l, 8);
  add_warps<H, 4, 4, 1, false, 0, 0>(l, 8);
  add_warps<H, 4, 4, 2, true, 0, 0>(l, 4);
  add_warps<H, 16, 4, 1, true, 0, 0>(l, 2);
  add_warps<H, 32, 4, 1, false, 0, 0>(l, 1);
  return l;
}
