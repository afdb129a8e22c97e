#include "07_tinyllama/trainer/selection/setting_json.h"

#include <nlohmann/json.hpp>

namespace wb {

void to_json(nlohmann::json& json, const Setting& setting) {
  const ModelConfig& c = setting.config;
  json = {{"c", c.c},
          {"l", c.l},
          {"h", c.h},
          {"k", c.k},
          {"f", c.f},
          {"v", c.v},
          {"b", c.b},
          {"t", c.t},
          {"rope_base", c.rope_base},
          {"epsilon", c.epsilon},
          {"precision", name_of(setting.precision)},
          {"kv_layout", name_of(setting.kv_layout)},
          {"graph", setting.graph}};
}

void from_json(const nlohmann::json& json, Setting& setting) {
  ModelConfig& c = setting.config;
  json.at("c").get_to(c.c);
  json.at("l").get_to(c.l);
  json.at("h").get_to(c.h);
  json.at("k").get_to(c.k);
  json.at("f").get_to(c.f);
  json.at("v").get_to(c.v);
  json.at("b").get_to(c.b);
  json.at("t").get_to(c.t);
  json.at("rope_base").get_to(c.rope_base);
  json.at("epsilon").get_to(c.epsilon);
  json.at("graph").get_to(setting.graph);
  setting.precision = parse_precision(json.at("precision").get<std::string>());
  const auto layout = json.at("kv_layout").get<std::string>();
  setting.kv_layout =
      layout == name_of(KvLayout::kContiguous) ? KvLayout::kContiguous : KvLayout::kStridedView;
}

}  // namespace wb
