// What a wrong result of windowed attention looks like it was computed from. Tests append it to a failure.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "06_flash_attention/testing/windowed_attention_oracle.h"
#include "common/harness/matcher.h"

namespace wb {

namespace detail {

/// `table` as it is read by one who counts rows from the start of each tile.
inline RopeTable rows_in_tile(RopeTable table, int tile, int d) {
  const std::size_t period = static_cast<std::size_t>(tile) * static_cast<std::size_t>(d / 2);
  for (auto* values : {&table.cosine, &table.sine}) {
    for (std::size_t i = period; period > 0 && i < values->size(); ++i) (*values)[i] = (*values)[i % period];
  }
  return table;
}

}  // namespace detail

/// The mistake behind the output of a forward pass; empty where none of those known fits.
inline std::string explain_windowed_attention(std::span<const float> out, const std::vector<double>& q,
                                              const std::vector<double>& k, const std::vector<double>& v,
                                              const WindowedAttentionCase& c) {
  const int window = c.window, band = c.band;
  const auto unclamped = [=](int i, int j) {
    return static_cast<double>(std::abs(i - j) - window) / std::max(band, 1);
  };
  const auto of_signed = [=](int i, int j) { return i < j ? 0.0 : far_weight_of(window, band)(i, j); };
  const auto whole = [=](int i, int j) { return std::abs(i - j) - window >= band ? 1.0 : 0.0; };
  const auto hard = [=](int i, int j) { return std::abs(i - j) > window ? 1.0 : 0.0; };
  const FarWeight right = far_weight_of(window, band);
  const auto swapped = [=](int i, int j) { return 1.0 - right(i, j); };
  const std::pair<FarWeight, const char*> weights[] = {
      {[](int, int) { return 0.0; }, "the near encoding everywhere, whatever the distance"},
      {[](int, int) { return 1.0; }, "the far encoding everywhere, whatever the distance"},
      {of_signed, "the distance has a sign, i - j, and keys after the query count as near: take |i - j|"},
      {unclamped,
       "the weight is not clamped: it falls below 0 in the window, or rises above 1 beyond the band"},
      {swapped, "the encodings are exchanged: w is the weight of the far one"},
      {far_weight_of(window - 1, band), "the window ends one too early: distance == window is all near"},
      {far_weight_of(window + 1, band),
       "the window ends one too late: distance == window + 1 is in the band"},
      {whole,
       "the weight jumps from 0 to 1 where the band ends: a division of whole numbers. Divide as float"},
      {hard, "a hard switch at the window: the weight does not grow along the band"},
  };
  const KeyHead key_head = key_head_of(c.shape);
  const auto looks_like = [&](const WindowedAttentionCase& suspect, const FarWeight& weight,
                              const KeyHead& head) {
    return bool(matches(out, windowed_attention_oracle(q, k, v, suspect, weight, head).out, {1e-5, 1e-5}));
  };
  for (const auto& [weight, words] : weights) {
    if (looks_like(c, weight, key_head)) return std::string("looks like: ") + words;
  }
  for (const auto& [rows, columns] :
       {std::pair{16, 16}, {16, 32}, {32, 32}, {64, 32}, {64, 64}, {128, 128}}) {
    const auto by_corner = [=, rows = rows, columns = columns](int i, int j) {
      const double corner = right(i / rows * rows, j / columns * columns);
      return corner == 0.0 || corner == 1.0 ? corner : right(i, j);
    };
    if (looks_like(c, by_corner, key_head)) {
      return "looks like: a tile of " + std::to_string(columns) +
             " is judged by its first pair alone. Others in it are nearer, or farther";
    }
  }
  if (looks_like(c, right, [&](int h) { return h % c.shape.kv; })) {
    return "looks like: query head h reads key head h % K. Heads of a group are neighbors: h / (H / K)";
  }
  WindowedAttentionCase unscaled = c;
  unscaled.shape.scale = 1.0f;
  if (looks_like(unscaled, right, key_head)) return "looks like: the scores are not scaled";
  WindowedAttentionCase unrotated = c;
  for (RopeTable* table : {&unrotated.near, &unrotated.far}) {
    table->cosine.assign(table->cosine.size(), 1.0f);
    table->sine.assign(table->sine.size(), 0.0f);
  }
  if (looks_like(unrotated, right, key_head)) return "looks like: nothing is rotated";
  // A tile of queries, and of keys; 0: their rows are right.
  for (const auto& [queries, keys] :
       {std::pair{16, 32}, {32, 16}, {16, 16}, {32, 32}, {64, 32}, {32, 64}, {64, 64}, {0, 32}, {16, 0}}) {
    const auto tables = [&](int tile) {
      return WindowedTables{detail::rows_in_tile(c.near, tile, c.shape.d),
                            detail::rows_in_tile(c.far, tile, c.shape.d)};
    };
    const auto suspect =
        windowed_attention_oracle(q, k, v, c, right, key_head, tables(queries), tables(keys));
    if (matches(out, suspect.out, {1e-5, 1e-5})) {
      return "looks like: rows are rotated by the angles of their place in the tile. Take the table's row of "
             "their place in the sequence";
    }
  }
  return "";
}

/// The same for dq (heads = H) or dk (heads = K), of which `expected` is right.
inline std::string explain_windowed_gradient(std::span<const float> got, const std::vector<double>& expected,
                                             const std::vector<double>& dout, const std::vector<double>& q,
                                             const std::vector<double>& k, const std::vector<double>& v,
                                             const WindowedAttentionCase& c, int heads) {
  const auto looks_like = [&](const std::vector<double>& suspect) {
    return suspect.size() == got.size() && bool(matches(got, suspect, {2e-5, 2e-5}));
  };
  for (const RopeTable* table : {&c.near, &c.far}) {
    if (looks_like(detail::rotated(expected, c, heads, *table))) {
      return "looks like: the gradient of the rotated rows. It is not rotated back";
    }
  }
  for (const double only : {0.0, 1.0}) {
    const auto all = windowed_attention_backward_oracle(dout, q, k, v, c, [=](int, int) { return only; });
    if (looks_like(all.dq) || looks_like(all.dk)) {
      return std::string("looks like: all of dS went to the ") + (only == 0.0 ? "near" : "far") +
             " encoding. Each gets its weight's share: (1 - w) dS and w dS";
    }
  }
  const int group = c.shape.h / c.shape.kv;
  for (const int of_group : {0, group - 1}) {
    // What a query head passes on is 0 where its dout is.
    std::vector<double> masked = dout;
    for (std::size_t i = 0; i < masked.size(); ++i) {
      if (static_cast<int>(i / c.shape.d % c.shape.h) % group != of_group) masked[i] = 0.0;
    }
    if (looks_like(windowed_attention_backward_oracle(masked, q, k, v, c).dk)) {
      return "looks like: one query head of the group. dk and dv sum over all H / K of them";
    }
  }
  return "";
}

}  // namespace wb
