// The matrix product at every shape of a step, and SwiGLU, which has products inside.
#include "07_tinyllama/trainer/selection/problem_parts.h"
#include "07_tinyllama/trainer/selection/products.h"

namespace wb {
namespace {

const char* name_of(MatmulLayout layout) {
  constexpr const char* kNames[] = {"NN", "NT", "TN"};
  return kNames[static_cast<int>(layout)];
}

// tf32 rounds the inputs of a product to 10 bits of mantissa, hardware may even cut them; its reference is
// fp32.
constexpr Allowed kAllowedTf32 = {2e-2, 3e-3};

// How far products may be off. A sum of bf16 numbers that stays fp32 has no rounding but the order's.
template <class Product, class Out>
constexpr Allowed allowed_of_product() {
  if constexpr (std::is_same_v<Product, MatmulTf32>) return kAllowedTf32;
  if constexpr (std::is_same_v<Product, MatmulBf16ToFloat>) return {2e-3, 2e-4};
  return kAllowedSums<Out>;
}

template <class Contract, class T, class Out>
Problem product_problem(const ProductShape& shape) {
  const std::int64_t m = shape.m, n = shape.n, k = shape.k;
  Problem problem{.shape = fmt::format("{} {} x {} x {}", name_of(shape.layout), m, n, k),
                  .calls = shape.calls,
                  .flops = 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k),
                  .allowed = allowed_of_product<Contract, Out>()};
  problem.tensors = {tensor<T>("a", m * k), tensor<T>("b", k * n),
                     tensor<Out>("c", m * n, shape.of_weight ? Role::kInout : Role::kOutput)};
  const float beta = shape.of_weight ? 1.0f : 0.0f;
  const auto bind = [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(shape.layout, w.at<T>(0), w.at<T>(1), w.at<Out>(2), shape.m, shape.n, shape.k, 1.0f, beta,
               stream);
    };
  };
  problem.candidates = candidates_of<Contract>(bind);
  if constexpr (std::is_same_v<Contract, MatmulTf32>) {
    problem.reference = reference_among(candidates_of<Matmul>(bind), Matmul::kName);
  } else {
    problem.reference = reference_among(problem.candidates, Contract::kName);
  }
  return problem;
}

// All shapes whose result is of this kind: in fp32 one function pointer serves both.
template <class Contract, class T, class Out>
Unit product_unit(const std::vector<ProductShape>& shapes, bool with_weights, bool with_activations) {
  Unit unit{
      .name = Contract::kName, .contracts = {Contract::kName}, .requests = {Contract::kName}, .problems = {}};
  for (const ProductShape& shape : shapes) {
    if (!(shape.of_weight ? with_weights : with_activations)) continue;
    unit.problems.push_back(product_problem<Contract, T, Out>(shape));
  }
  return unit;
}

template <class T>
Problem swiglu_problem(const ModelConfig& config, double products) {
  const double size = static_cast<double>(config.tokens()) * config.c * config.f;
  return {.shape = fmt::format("N {}, C {}, F {}", config.tokens(), config.c, config.f),
          .calls = 1.0 * config.l,
          .flops = 2.0 * products * size};
}

template <class Product, class T>
constexpr Allowed allowed_of_swiglu() {
  return std::is_same_v<Product, MatmulTf32> ? kAllowedTf32 : kAllowedSums<T>;
}

// Weights of a size that leaves gate and up near 1, where silu bends.
template <class T>
TensorSpec swiglu_weight(const char* name, const ModelConfig& config) {
  const float bound = 1.7f / std::sqrt(static_cast<float>(config.c));
  return tensor<T>(name, static_cast<std::int64_t>(config.f) * config.c, Role::kInput, -bound, bound);
}

template <class T, class Product>
Unit swiglu_forward_unit(const ModelConfig& config, std::string_view product) {
  const int n = config.tokens(), c = config.c, f = config.f;
  const std::int64_t wide = static_cast<std::int64_t>(n) * f;
  const auto matmul = function_or_reference<Product>(product);
  Problem problem = swiglu_problem<T>(config, 2.0);
  problem.allowed = allowed_of_swiglu<Product, T>();
  problem.tensors = {tensor<T>("x", static_cast<std::int64_t>(n) * c),
                     swiglu_weight<T>("w_gate", config),
                     swiglu_weight<T>("w_up", config),
                     tensor<T>("gate", wide, Role::kOutput),
                     tensor<T>("up", wide, Role::kOutput),
                     tensor<T>("out", wide, Role::kOutput)};
  return unit_of<typename ContractsOf<T>::SwigluForward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      function(w.at<T>(0), w.at<T>(1), w.at<T>(2), w.at<T>(3), w.at<T>(4), w.at<T>(5), n, c, f, matmul,
               stream);
    };
  });
}

template <class T, class Product>
Unit swiglu_backward_unit(const ModelConfig& config, std::string_view product) {
  const int n = config.tokens(), c = config.c, f = config.f;
  const std::int64_t wide = static_cast<std::int64_t>(n) * f;
  const std::int64_t narrow = static_cast<std::int64_t>(n) * c, weight = static_cast<std::int64_t>(f) * c;
  const auto matmul = function_or_reference<Product>(product);
  const auto to_float = function_or_reference<typename ContractsOf<T>::MatmulToFloat>(product);
  Problem problem = swiglu_problem<T>(config, 4.0);
  problem.allowed = allowed_of_swiglu<Product, T>();
  problem.tensors = {tensor<T>("dout", wide),
                     tensor<T>("x", narrow),
                     swiglu_weight<T>("w_gate", config),
                     swiglu_weight<T>("w_up", config),
                     tensor<T>("gate", wide),
                     tensor<T>("up", wide),
                     tensor<T>("dgate", wide, Role::kOutput),
                     tensor<T>("dup", wide, Role::kOutput),
                     tensor<T>("dx", narrow, Role::kOutput),
                     tensor<float>("dw_gate", weight, Role::kInout),
                     tensor<float>("dw_up", weight, Role::kInout)};
  return unit_of<typename ContractsOf<T>::SwigluBackward>(problem, [=](auto* function) {
    return [=](Workspace& w, Workspace&, cudaStream_t stream) {
      const auto call = [&](auto... products) {
        function(w.at<T>(0), w.at<T>(1), w.at<T>(2), w.at<T>(3), w.at<T>(4), w.at<T>(5), w.at<T>(6),
                 w.at<T>(7), w.at<T>(8), w.at<float>(9), w.at<float>(10), n, c, f, products..., stream);
      };
      if constexpr (kIsFloat<T>) {
        call(matmul);
      } else {
        call(matmul, to_float);
      }
    };
  });
}

}  // namespace

template <class T, class Product>
void add_products(std::vector<Unit>& units, const Setting& setting, std::string_view product) {
  const std::vector<ProductShape> shapes = products_of_step(setting.config, setting.kv_layout);
  units.push_back(product_unit<Product, T, T>(shapes, kIsFloat<T>, true));
  if constexpr (!kIsFloat<T>) {
    units.push_back(product_unit<typename ContractsOf<T>::MatmulToFloat, T, float>(shapes, true, false));
  }
  units.push_back(swiglu_forward_unit<T, Product>(setting.config, product));
  units.push_back(swiglu_backward_unit<T, Product>(setting.config, product));
}
template void add_products<float, Matmul>(std::vector<Unit>&, const Setting&, std::string_view);
template void add_products<float, MatmulTf32>(std::vector<Unit>&, const Setting&, std::string_view);
template void add_products<bf16, MatmulBf16>(std::vector<Unit>&, const Setting&, std::string_view);

std::vector<Unit> units_of(const Setting& setting, std::string_view product) {
  std::vector<Unit> units;
  switch (setting.precision) {
    case Precision::kFp32:
      add_products<float, Matmul>(units, setting, product);
      break;
    case Precision::kTf32:
      add_products<float, MatmulTf32>(units, setting, product);
      break;
    case Precision::kBf16:
      add_products<bf16, MatmulBf16>(units, setting, product);
      break;
  }
  if (setting.precision == Precision::kBf16) {
    add_rows<bf16>(units, setting);
    add_heads<bf16>(units, setting);
  } else {
    add_rows<float>(units, setting);
    add_heads<float>(units, setting);
  }
  return units;
}

}  // namespace wb
