// A warpgroup whose softmax lies beside products, its own and those of the other warpgroups.
#pragma once

#include "solutions/ladders/attention_bf16/warpgroup_tiles.cuh"

namespace wb::attention {

template <class Tiles, bool kCausal>
class OverlappedConsumer {
 public:
  /// By all threads of the consumers.
  __device__ OverlappedConsumer(const WarpgroupPass& pass, Tiles& shared)
      : pass_(pass), shared_(shared), consumer_(static_cast<int>(threadIdx.x) / 128 - 1) {
    // The first turn is consumer 0's.
    if (consumer_ == Tiles::kConsumers - 1) pass_turn();
  }

  /// The first `steps` tiles of keys for this consumer's rows of the tile, whose queries are in shared
  /// memory. They have been read when `q_free` completes; `out` goes by way of `staging`.
  __device__ void attend(const QueryTile& tile, int steps,
                         bf16 (&staging)[Tiles::kChunks][Tiles::kQueries][64],
                         std::uint64_t* q_free = nullptr) {
    const int thread = static_cast<int>(threadIdx.x) % 128, t = pass_.shape.t;
    const int first_row = tile.first_query + consumer_ * 64,
              row = first_row + thread / 32 * 16 + thread % 32 / 4;
    const int all_see = kCausal ? min(first_row + 1, t) : t;  // the keys before
    const std::uint64_t q = hopper::tile_descriptor(shared_.q[0][consumer_ * 64]);
    SoftmaxRows<Tiles::kKeys, true> softmax;
    float s[Tiles::kKeys / 2], sums[Tiles::kHead / 2] = {};
    Weights<Tiles::kKeys> weights;
    // Scores that are there become weights; their keys are free.
    const auto weigh = [&](int step) {
      hopper::hold(s);
      if (thread == 0) hopper::arrive(&shared_.k_empty[k_at_.stage]);
      k_at_.advance<Tiles::kStages>();
      if (q_free && step == 0 && thread == 0) hopper::arrive(q_free);
      if ((step + 1) * Tiles::kKeys > all_see) softmax.template mask<kCausal>(s, step * Tiles::kKeys, row, t);
      softmax.update(s, pass_.shape.scale * kLog2E);
      hopper::hold(s);
    };

    int step = steps - 1;
    hopper::wait(&shared_.k_full[k_at_.stage], k_at_.parity);
    await_turn();
    begin_scores<Tiles>(s, q, shared_.k[k_at_.stage]);
    pass_turn();
    hopper::wait_for_products<0>();
    weigh(step);
    weights.round(s);
    hopper::wait(&shared_.v_full[v_at_.stage], v_at_.parity);
    while (--step >= 0) {
      hopper::wait(&shared_.k_full[k_at_.stage], k_at_.parity);
      await_turn();
      begin_scores<Tiles>(s, q, shared_.k[k_at_.stage]);
      begin_values<Tiles>(sums, weights, shared_.v[v_at_.stage]);
      pass_turn();
      hopper::wait_for_products<1>();
      weigh(step);  // while the values are added
      // The next values. The compiler would move the softmax behind wait_for_products, but not past a loop
      // that needs its result: `never` is 0.
      const int added = v_at_.stage;
      v_at_.advance<Tiles::kStages>();
      const unsigned never = softmax.sum[0] + softmax.sum[1] < 0.0f;
      hopper::wait(&shared_.v_full[v_at_.stage], v_at_.parity + never);
      hopper::wait_for_products<0>();
      hopper::hold(sums);
      if (thread == 0) hopper::arrive(&shared_.v_empty[added]);
      softmax.correct(sums);
      weights.round(s);
    }
    begin_values<Tiles>(sums, weights, shared_.v[v_at_.stage]);
    hopper::wait_for_products<0>();
    hopper::hold(sums);
    if (thread == 0) hopper::arrive(&shared_.v_empty[v_at_.stage]);
    v_at_.advance<Tiles::kStages>();
    finish<Tiles>(pass_, staging, tile, consumer_, sums, softmax);
  }

  /// `steps` tiles of keys that this consumer's rows do not see: their turns and their buffers go to the
  /// others.
  __device__ void skip(int steps) {
    for (; steps > 0; --steps) {
      hopper::wait(&shared_.k_full[k_at_.stage], k_at_.parity);
      await_turn();
      pass_turn();
      if (threadIdx.x % 128 == 0) hopper::arrive(&shared_.k_empty[k_at_.stage]);
      k_at_.advance<Tiles::kStages>();
      hopper::wait(&shared_.v_full[v_at_.stage], v_at_.parity);
      if (threadIdx.x % 128 == 0) hopper::arrive(&shared_.v_empty[v_at_.stage]);
      v_at_.advance<Tiles::kStages>();
    }
  }

  /// At the end: somebody takes the turn that was passed last.
  __device__ void leave() {
    if (consumer_ == 0) await_turn();
    leave_stores();
  }

 private:
  static constexpr int kFirstTurn = 1 + Tiles::kConsumers;  // those before are of finish
  static constexpr int kTwoWarpgroups = 256;

  __device__ void await_turn() {
    if (Tiles::kConsumers > 1) hopper::wait_at(kFirstTurn + consumer_, kTwoWarpgroups);
  }
  __device__ void pass_turn() {
    if (Tiles::kConsumers == 1) return;
    hopper::arrive_at_named(kFirstTurn + (consumer_ + 1) % Tiles::kConsumers, kTwoWarpgroups);
  }

  const WarpgroupPass& pass_;
  Tiles& shared_;
  const int consumer_;
  hopper::RingPosition k_at_, v_at_;
};

}  // namespace wb::attention
