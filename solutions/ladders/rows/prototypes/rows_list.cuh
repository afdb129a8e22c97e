// Variants by name.
#pragma once
#include "rows_loss.cuh"
#include "rows_norm.cuh"

template <class A> struct Variant { std::string name; std::function<void(const A&)> run; };
using Norms = std::vector<Variant<Args>>;
using Losses = std::vector<Variant<LossArgs>>;
Norms ln_long();
Norms rms_long();
Norms rms_middle();
Norms rms16_long();
Norms rms16_middle();
Norms rms16_short();
Losses losses();

template <class... I> std::string label(const char* format, I... i) { char s[128]; std::snprintf(s, sizeof s, format, i...); return s; }

template <class T, bool LN, int TH, int PK, int SH, int MINB, int LD, int ST, int AH, bool PRE, bool PDL = true> void add_held(Norms& l) {
  l.push_back({label("held th%d reg%d sm%d blk%d ld%d st%d ahead%d%s%s", TH, PK, SH, MINB, LD, ST, AH, PRE ? "pre" : "", PDL ? "" : " nopdl"), [](const Args& a) {
    go(held<T, LN, TH, PK, SH, MINB, LD, ST, AH, PRE, PDL>, {a.n, TH, SH * TH * 16, 1, PDL}, a); }});
}
template <class T, bool LN, int TH, int PK, int CL, int WP, int MINB, int ST, bool ONE = false> void add_staying(Norms& l) {
  constexpr int kShared = PK * TH * 16 * (WP == 1 ? (LN ? 3 : 2) : 1);
  auto k = staying<T, LN, TH, PK, CL, WP, MINB, ST, ONE>;
  l.push_back({label("stay th%d reg%d cl%d w-%s blk%d st%d%s", TH, PK, CL, WP == 0 ? "reg" : WP == 1 ? "sm" : "L2", MINB, ST, ONE ? " one" : ""), [k](const Args& a) {
    static int groups = resident(k, TH, kShared, CL);
    go(k, {groups * CL, TH, kShared, CL, true}, a); }});
}
template <class T, bool LN, int TH, int U, int HINT, bool REV, int MINB, bool PDL = true> void add_twice(Norms& l, int packs) {
  l.push_back({label("twice th%d u%d blk%d hint%d%s%s", TH, U, MINB, HINT, REV ? " rev" : "", PDL ? "" : " nopdl"), [packs](const Args& a) {
    go(twice<T, LN, TH, U, HINT, REV, MINB, PDL>, {a.n, TH, 0, 1, PDL}, a, packs); }});
}
template <class T, int TH, int PK, int R, int LD, int ST, bool PDL = true> void add_several(Norms& l) {
  l.push_back({label("several th%d reg%d rows%d ld%d st%d%s", TH, PK, R, LD, ST, PDL ? "" : " nopdl"), [](const Args& a) {
    go(several<T, TH, PK, R, LD, ST, PDL>, {a.n / R, TH, 0, 1, PDL}, a); }});
}
// BLOCKS per multiprocessor, 0: as many as there are rows.
template <class T, int WARPS, int PK, int R, bool AHEAD, int LD, int ST> void add_warps(Norms& l, int blocks) {
  l.push_back({label("warp w%d reg%d rows%d%s ld%d st%d grid%d", WARPS, PK, R, AHEAD ? " ahead" : "", LD, ST, blocks), [blocks](const Args& a) {
    const int all = a.n / (WARPS * R);
    int sms;
    CK(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
    go(warp_rows<T, WARPS, PK, R, AHEAD, LD, ST>, {blocks ? std::min(all, blocks * sms) : all, WARPS * 32, 0, 1, true}, a); }});
}
template <int TH, int PK, int MINB, int FAST, int LD, int ST, bool PDL = true> void add_loss_held(Losses& l) {
  l.push_back({label("held th%d reg%d blk%d fast%d ld%d st%d%s", TH, PK, MINB, FAST, LD, ST, PDL ? "" : " nopdl"), [](const LossArgs& a) {
    go(loss_held<TH, PK, MINB, FAST, LD, ST, PDL>, {a.n, TH, 0, 1, PDL}, a); }});
}
template <int TH, int PK, int MINB, int FAST, int ST> void add_loss_staying(Losses& l) {
  l.push_back({label("stay th%d reg%d blk%d fast%d st%d", TH, PK, MINB, FAST, ST), [](const LossArgs& a) {
    static int blocks = resident(loss_staying<TH, PK, MINB, FAST, ST>, TH, a.packs * 16, 1);
    go(loss_staying<TH, PK, MINB, FAST, ST>, {blocks, TH, a.packs * 16, 1, true}, a); }});
}
template <int TH, int PK, int S, int FAST, int ST> void add_loss_ring(Losses& l) {
  l.push_back({label("ring th%d reg%d stages%d fast%d st%d", TH, PK, S, FAST, ST), [](const LossArgs& a) {
    static int blocks = resident(loss_ring<TH, PK, S, FAST, ST>, TH, S * a.packs * 16, 1);
    go(loss_ring<TH, PK, S, FAST, ST>, {blocks, TH, S * a.packs * 16, 1, true}, a); }});
}
template <int TH, int PK, int MINB, int FAST, int OUT, bool PDL = true> void add_loss_bulk(Losses& l) {
  l.push_back({label("bulk th%d reg%d blk%d fast%d out%d%s", TH, PK, MINB, FAST, OUT, PDL ? "" : " nopdl"), [](const LossArgs& a) {
    go(loss_bulk<TH, PK, MINB, FAST, OUT, PDL>, {a.n, TH, a.packs * 16, 1, PDL}, a); }});
}
