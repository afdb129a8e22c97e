// The operations over heads: rotation, repetition and attention, with keys and values laid out as in the run.
#include "07_tinyllama/trainer/activations.h"
#include "07_tinyllama/trainer/selection/problem_parts.h"

namespace wb {
namespace {

std::string shape_text(const ModelConfig& config, int kv) {
  return fmt::format("B {}, T {}, H {}/{}, D {}", config.b, config.t, config.h, kv, config.d());
}

bool is_contiguous(const Setting& setting) {
  return setting.kv_layout == KvLayout::kContiguous;
}

// Keys or values as rope meets them: projected, of K heads.
template <class T>
HeadsView<T> projected_view(T* data, const Setting& setting) {
  const ModelConfig& c = setting.config;
  return is_contiguous(setting) ? token_major_view(data, c.t, c.k, c.d())
                                : feature_major_view(data, c.b, c.t, c.k, c.d());
}

// And as attention meets them: of H heads once they are repeated.
template <class T>
HeadsView<T> stored_view(T* data, const Setting& setting) {
  const ModelConfig& c = setting.config;
  return is_contiguous(setting) ? head_major_view(data, c.t, c.h, c.d())
                                : feature_major_view(data, c.b, c.t, c.k, c.d());
}

int stored_heads(const Setting& setting) {
  return is_contiguous(setting) ? setting.config.h : setting.config.k;
}

std::int64_t heads_size(const ModelConfig& config, int heads) {
  return static_cast<std::int64_t>(config.tokens()) * heads * config.d();
}

// Angles like the table's: cosines and sines of one angle each, so that repeated calls neither grow nor
// shrink.
template <class T, class Contract>
Unit rope_unit(const Setting& setting) {
  const ModelConfig config = setting.config;
  const std::int64_t angles = static_cast<std::int64_t>(config.t) * (config.d() / 2);
  Problem problem{
      .shape = shape_text(config, config.k), .calls = 1.0 * config.l, .allowed = kAllowedElementwise<T>};
  problem.tensors = {tensor<T>("q", heads_size(config, config.h), Role::kInout),
                     tensor<T>("k", heads_size(config, config.k), Role::kInout),
                     tensor<float>("cosine", angles), tensor<float>("sine", angles)};
  problem.prepare = [=](Workspace& w) {
    const RopeTable table = make_rope_table(config.t, config.d(), config.rope_base);
    const std::size_t bytes = table.cosine.size() * sizeof(float);
    WB_CUDA_CHECK(cudaMemcpy(w.at<float>(2), table.cosine.data(), bytes, cudaMemcpyHostToDevice));
    WB_CUDA_CHECK(cudaMemcpy(w.at<float>(3), table.sine.data(), bytes, cudaMemcpyHostToDevice));
  };
  return unit_of<Contract>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(token_major_view(w.at<T>(0), config.t, config.h, config.d()),
               projected_view(w.at<T>(1), setting), w.at<float>(2), w.at<float>(3), config.b, config.t,
               config.d(), RopePairing::kHalfSplit, stream);
    };
  });
}

template <class T>
Unit repeat_kv_forward_unit(const Setting& setting) {
  const ModelConfig config = setting.config;
  Problem problem{.shape = shape_text(config, config.k), .calls = 2.0 * config.l, .allowed = kAllowedCopy};
  problem.tensors = {tensor<T>("x", heads_size(config, config.k)),
                     tensor<T>("y", heads_size(config, config.h), Role::kOutput)};
  return unit_of<typename ContractsOf<T>::RepeatKvForward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(projected_view<const T>(w.at<T>(0), setting), w.at<T>(1), config.b, config.t, config.h,
               config.d(), stream);
    };
  });
}

template <class T>
Unit repeat_kv_backward_unit(const Setting& setting) {
  const ModelConfig config = setting.config;
  Problem problem{.shape = shape_text(config, config.k), .calls = 2.0 * config.l, .allowed = kAllowedSums<T>};
  problem.tensors = {tensor<T>("dy", heads_size(config, config.h)),
                     tensor<T>("dx", heads_size(config, config.k), Role::kOutput)};
  return unit_of<typename ContractsOf<T>::RepeatKvBackward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<T>(0), projected_view(w.at<T>(1), setting), config.b, config.t, config.h, config.d(),
               stream);
    };
  });
}

// Where each tensor stands in the list of attention's problem.
enum AttentionTensor : std::size_t { kQ, kK, kV, kDout, kOut, kDq, kDk, kDv };

template <class T>
Candidate attention_candidate(const Setting& setting, const std::string& name) {
  using C = ContractsOf<T>;
  const AttentionShape shape = attention_shape_of(setting.config, stored_heads(setting));
  const auto memory_use = find_implementation<typename C::AttentionMemoryUse>(name).function;
  const auto forward = find_implementation<typename C::AttentionForward>(name).function;
  const auto backward = find_implementation<typename C::AttentionBackward>(name).function;
  const ModelConfig& config = setting.config;
  const auto queries = [=](T* data) { return token_major_view(data, config.t, config.h, config.d()); };
  const AttentionMemory memory = memory_use(shape);
  Candidate candidate{.name = name};
  candidate.own = {tensor<float>("saved", static_cast<std::int64_t>(memory.saved), Role::kMemory),
                   tensor<float>("scratch", static_cast<std::int64_t>(memory.scratch), Role::kMemory)};
  candidate.phases.push_back([=](Workspace& w, Workspace& own, cudaStream_t stream) {
    forward(queries(w.at<T>(kQ)), stored_view(w.at<T>(kK), setting), stored_view(w.at<T>(kV), setting),
            queries(w.at<T>(kOut)), own.at<float>(0), shape, stream);
  });
  candidate.phases.push_back([=](Workspace& w, Workspace& own, cudaStream_t stream) {
    backward(queries(w.at<T>(kDout)), queries(w.at<T>(kQ)), stored_view(w.at<T>(kK), setting),
             stored_view(w.at<T>(kV), setting), queries(w.at<T>(kOut)), own.at<float>(0),
             queries(w.at<T>(kDq)), stored_view(w.at<T>(kDk), setting), stored_view(w.at<T>(kDv), setting),
             own.at<float>(1), shape, stream);
  });
  return candidate;
}

// An implementation that is not there in full, or refuses the shape before it is asked to compute: its only
// phase says so.
Candidate refusing(const std::string& name, const std::string& message) {
  return {.name = name,
          .phases = {[message](Workspace&, Workspace&, cudaStream_t) { throw Error(message); }}};
}

template <class T>
Unit attention_unit(const Setting& setting) {
  using C = ContractsOf<T>;
  const ModelConfig& config = setting.config;
  const std::int64_t query_size = heads_size(config, config.h);
  const std::int64_t kv_size = heads_size(config, stored_heads(setting));
  Problem problem{.shape = shape_text(config, stored_heads(setting)),
                  .calls = 1.0 * config.l,
                  .allowed = kIsFloat<T> ? Allowed{5e-4, 5e-5} : Allowed{6e-2, 1e-2}};
  problem.tensors = {tensor<T>("q", query_size),
                     tensor<T>("k", kv_size),
                     tensor<T>("v", kv_size),
                     tensor<T>("dout", query_size),
                     tensor<T>("out", query_size, Role::kOutput),
                     tensor<T>("dq", query_size, Role::kOutput),
                     tensor<T>("dk", kv_size, Role::kOutput),
                     tensor<T>("dv", kv_size, Role::kOutput)};
  for (const auto& entry : implementations<typename C::AttentionForward>()) {
    if (!kIsFloat<T> && adds_in_any_order(entry.name)) {
      problem.candidates.push_back(
          refusing(entry.name, fmt::format("its sums come in any order, so two runs would differ; --kernels "
                                           "auto,attention={} takes it all the same",
                                           entry.name)));
      continue;
    }
    try {
      problem.candidates.push_back(attention_candidate<T>(setting, entry.name));
    } catch (const Error& error) {
      problem.candidates.push_back(refusing(entry.name, error.what()));
    }
  }
  problem.reference = reference_among(problem.candidates, "attention");
  return {.name = "attention",
          .contracts = {C::AttentionForward::kName, C::AttentionBackward::kName},
          .requests = {"attention"},
          .problems = {std::move(problem)}};
}

}  // namespace

template <class T>
void add_heads(std::vector<Unit>& units, const Setting& setting) {
  using C = ContractsOf<T>;
  units.push_back(rope_unit<T, typename C::RopeForward>(setting));
  units.push_back(rope_unit<T, typename C::RopeBackward>(setting));
  // The strided view repeats nothing.
  if (is_contiguous(setting)) {
    units.push_back(repeat_kv_forward_unit<T>(setting));
    units.push_back(repeat_kv_backward_unit<T>(setting));
  }
  units.push_back(attention_unit<T>(setting));
}
template void add_heads<float>(std::vector<Unit>&, const Setting&);
template void add_heads<bf16>(std::vector<Unit>&, const Setting&);

}  // namespace wb
