// A setting as JSON: for the messages to the measuring process, and as part of the key of what is remembered.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "07_tinyllama/trainer/selection/problem.h"

namespace wb {

void to_json(nlohmann::json& json, const Setting& setting);
/// Errors: nlohmann's, or parse_precision's, of a document of another form.
void from_json(const nlohmann::json& json, Setting& setting);

}  // namespace wb
