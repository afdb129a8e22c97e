#include "07_tinyllama/trainer/checkpoint/manifest.h"

#include <fmt/format.h>

#include "07_tinyllama/trainer/checkpoint/crc32.h"
#include "07_tinyllama/trainer/checkpoint/json_file.h"
#include "07_tinyllama/trainer/mapped_file.h"
#include "07_tinyllama/trainer/printable.h"
#include "common/core/error.h"

namespace wb {
namespace {

using nlohmann::json;

std::string name_of_manifest(const std::filesystem::path& folder) {
  return (folder / "manifest.json").string();
}

// The folder is the user's word, the file's name that of a manifest.
std::string printable_path(const std::filesystem::path& folder, const std::string& file) {
  return folder.string() + "/" + printable(file);
}

}  // namespace

void write_manifest(const std::filesystem::path& folder, const Manifest& files) {
  json list = json::object();
  for (const auto& [name, facts] : files) {
    list[name] = {{"bytes", facts.bytes}, {"crc32", fmt::format("{:08x}", facts.crc32)}};
  }
  const json document = {{"kind", "workbook checkpoint"}, {"version", 1}, {"files", list}};
  write_durably(name_of_manifest(folder), document.dump(2) + "\n");
}

void verify_manifest(const std::filesystem::path& checkpoint) {
  const std::string path = name_of_manifest(checkpoint);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  const json document = read_json_object(path);
  const auto refuse = [&](const std::string& file, const std::string& what) {
    throw Error(
        fmt::format("checkpoint: '{}' {}; delete this folder, and the checkpoint before it counts (if you "
                    "changed the file "
                    "yourself, delete manifest.json instead)",
                    printable_path(checkpoint, file), what));
  };
  if (!document.contains("files") || !document["files"].is_object() || document["files"].empty()) {
    refuse("manifest.json", "is damaged: it lists no files");
  }
  for (const auto& [name, facts] : document["files"].items()) {
    const bool well_formed = facts.is_object() && facts.value("bytes", json()).is_number_unsigned() &&
                             facts.value("crc32", json()).is_string() && name.find('/') == std::string::npos;
    if (!well_formed) refuse("manifest.json", "is damaged: its entry '" + printable(name) + "'");
    const std::string file = (checkpoint / name).string();
    if (!std::filesystem::exists(file, error)) refuse(name, "is missing");
    const MappedFile mapped(file);
    const auto expected = facts["bytes"].get<std::uint64_t>();
    if (mapped.bytes().size() != expected) {
      refuse(name, fmt::format("has {} bytes instead of {}", mapped.bytes().size(), expected));
    }
    if (fmt::format("{:08x}", crc32(mapped.bytes())) != facts["crc32"].get<std::string>()) {
      refuse(name, "is not what was written (its CRC-32 differs)");
    }
  }
}

}  // namespace wb
