// Small JSON files of a checkpoint.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace wb {

/// Errors: an unreadable file, one of more than 64 MiB, and one that is not a JSON object throws wb::Error,
/// one line that names it.
nlohmann::json read_json_object(const std::string& path);

/// A float as the shortest decimal that gives the same float: 1e-05 instead of 9.999999747378752e-06.
double shortest(float value);

}  // namespace wb
