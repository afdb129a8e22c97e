// What a model owns. The passes are in passes_forward.cpp and passes_backward.cpp.
#include "07_tinyllama/trainer/model.h"

#include "07_tinyllama/trainer/parameter_copy.h"

namespace wb {
namespace {

// Before any memory is asked for.
const ModelConfig& validated(const ModelConfig& config) {
  validate(config);
  return config;
}

const KernelSet& chosen(const KernelSet& kernels) {
  if (kernels.choices.empty()) throw Error("model: no kernels were chosen; get a set from select_kernels()");
  return kernels;
}

bool is_bf16(const KernelSet& kernels) {
  return kernels.precision == Precision::kBf16;
}

std::size_t copy_size(const KernelSet& kernels, const TensorTable& parameters) {
  return is_bf16(kernels) ? static_cast<std::size_t>(parameters.extent()) : 0;
}

}  // namespace

Model::Model(const ModelConfig& config, const KernelSet& kernels, KvLayout kv_layout)
    : config_(validated(config)),
      kernels_(chosen(kernels)),
      parameters_(parameter_table(config)),
      gradients_(parameter_table(config)),
      copy_(copy_size(kernels, parameters_.table())) {
  const ModelWeights<float> gradients = weights_of(gradients_, config);
  if (is_bf16(kernels)) {
    passes_ = std::make_unique<LlamaPasses<bf16>>(
        config, kernels.bf16, kv_layout, weights_of(copy_.data(), parameters_.table(), config), gradients);
  } else {
    passes_ = std::make_unique<LlamaPasses<float>>(config, kernels, kv_layout,
                                                   weights_of(parameters_, config), gradients);
  }
}

std::size_t Model::bytes_needed(const ModelConfig& config, const KernelSet& kernels, KvLayout kv_layout) {
  validate(config);
  chosen(kernels);
  const TensorTable table = parameter_table(config);
  const std::size_t passes = is_bf16(kernels)
                                 ? LlamaPasses<bf16>::bytes_needed(config, kernels.bf16, kv_layout)
                                 : LlamaPasses<float>::bytes_needed(config, kernels, kv_layout);
  return 2 * static_cast<std::size_t>(table.extent()) * sizeof(float) +
         copy_size(kernels, table) * sizeof(bf16) + passes;
}

void Model::round_parameters(cudaStream_t stream) {
  if (!is_bf16(kernels_) || copy_is_current_) return;
  copy_to_bf16(parameters_.data(), copy_.data(), parameters_.table().extent(), stream);
  copy_is_current_ = true;
}

void Model::forward(const int* tokens, const int* targets, float* loss, cudaStream_t stream) {
  round_parameters(stream);
  passes_->forward(tokens, targets, loss, stream);
}

void Model::backward(const int* tokens, const int* targets, cudaStream_t stream, float scale,
                     bool accumulate) {
  if (!accumulate) gradients_.zero(stream);
  passes_->backward(tokens, targets, stream, scale);
}

}  // namespace wb
