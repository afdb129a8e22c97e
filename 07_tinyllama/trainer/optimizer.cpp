#include "07_tinyllama/trainer/optimizer.h"

#include <algorithm>

#include "common/core/implementations.h"

namespace wb {
namespace {

constexpr const char* kEmbedding = "model.embed_tokens.weight";

bool is_matrix(const TensorEntry& entry) {
  return entry.shape.size() == 2;
}

// Muon is for matrices that map one hidden vector to another. The embedding is a table of rows, and the head.
bool moved_by_muon(const OptimizerOptions& options, const TensorEntry& entry) {
  return options.kind == OptimizerKind::kMuon && is_matrix(entry) && entry.name != kEmbedding;
}

std::int64_t end_of(const TensorTable& table, std::size_t place) {
  const auto& entries = table.entries();
  return place + 1 < entries.size() ? entries[place + 1].offset : table.extent();
}

}  // namespace

std::string_view name_of(OptimizerKind kind) {
  return kind == OptimizerKind::kMuon ? "muon" : "adamw";
}

TensorTable Optimizer::second_table(const OptimizerOptions& options, const TensorTable& parameters) {
  TensorTable table;
  for (const TensorEntry& entry : parameters.entries()) {
    if (!moved_by_muon(options, entry)) table.add(entry.name, entry.shape);
  }
  return table;
}

std::vector<Optimizer::Group> Optimizer::groups_of(const OptimizerOptions& options,
                                                   const TensorTable& parameters) {
  const TensorTable second = second_table(options, parameters);
  std::vector<Group> groups;
  for (std::size_t i = 0; i < parameters.entries().size(); ++i) {
    const TensorEntry& entry = parameters.entries()[i];
    Group group = {.muon = moved_by_muon(options, entry),
                   .decay = options.decay_norms || is_matrix(entry),
                   .offset = entry.offset,
                   .size = end_of(parameters, i) - entry.offset};
    if (group.muon) {
      group.rows = static_cast<int>(entry.shape[0]);
      group.columns = static_cast<int>(entry.shape[1]);
    } else {
      group.second_offset = second.at(entry.name).offset;
      const bool joins = !groups.empty() && !groups.back().muon && groups.back().decay == group.decay;
      if (joins) {
        groups.back().size += group.size;
        continue;
      }
    }
    groups.push_back(group);
  }
  return groups;
}

std::size_t Optimizer::scratch_size(const std::vector<Group>& groups) {
  std::size_t size = 0;
  for (const Group& group : groups) {
    if (group.muon) size = std::max(size, muon_scratch_size(group.rows, group.columns));
  }
  return size;
}

Optimizer::Optimizer(const OptimizerOptions& options, const TensorTable& parameters, const KernelSet& kernels)
    : options_(options),
      kernels_(kernels),
      groups_(groups_of(options, parameters)),
      first_(parameters),
      second_(second_table(options, parameters)),
      scratch_(scratch_size(groups_)) {
  if (kernels.choices.empty())
    throw Error("optimizer: no kernels were chosen; get a set from select_kernels()");
}

std::size_t Optimizer::bytes_needed(const OptimizerOptions& options, const TensorTable& parameters) {
  const auto moments =
      static_cast<std::size_t>(parameters.extent() + second_table(options, parameters).extent());
  return (moments + scratch_size(groups_of(options, parameters))) * sizeof(float);
}

std::vector<StateTensor> Optimizer::state() {
  std::vector<StateTensor> state;
  append_state(state, "first_moment", first_);
  append_state(state, "second_moment", second_);
  return state;
}

void Optimizer::step(Arena& parameters, Arena& gradients, int step, cudaStream_t stream) {
  WB_REQUIRE(parameters.table().extent() == first_.table().extent(), parameters.table().extent());
  WB_REQUIRE(gradients.table().extent() == first_.table().extent(), gradients.table().extent());
  const double factor = schedule_factor(options_.schedule, step - 1);
  AdamWConfig adamw = options_.adamw;
  adamw.learning_rate = static_cast<float>(adamw.learning_rate * factor);
  MuonConfig muon = options_.muon;
  muon.learning_rate = static_cast<float>(muon.learning_rate * factor);
  for (const Group& group : groups_) {
    float* p = parameters.data() + group.offset;
    const float* g = gradients.data() + group.offset;
    float* m = first_.data() + group.offset;
    if (group.muon) {
      static const auto muon_step = find_implementation<Muon>("solution").function;
      static const auto orthogonalize = find_implementation<NewtonSchulz>("solution").function;
      muon_step(p, g, m, scratch_.data(), group.rows, group.columns, muon, orthogonalize, kernels_.matmul,
                stream);
    } else {
      AdamWConfig config = adamw;
      if (!group.decay) config.weight_decay = 0.0f;
      kernels_.adamw(p, g, m, second_.data() + group.second_offset, group.size, config, step, stream);
    }
  }
}

}  // namespace wb
