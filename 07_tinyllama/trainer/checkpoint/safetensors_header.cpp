#include "07_tinyllama/trainer/checkpoint/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "07_tinyllama/trainer/checkpoint/safetensors_file.h"
#include "07_tinyllama/trainer/printable.h"
#include "common/core/error.h"

namespace wb {
namespace {

constexpr std::size_t kMaxDimensions = 32;

// Where in {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}} the reader is.
enum class Place { kStart, kTop, kTensor, kShape, kOffsets, kMetadata, kEnd };

class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader header;
  std::string problem;

  bool start_object(std::size_t) override {
    if (place_ == Place::kStart) return go(Place::kTop);
    if (place_ != Place::kTop) return misplaced("an object");
    if (name_ == "__metadata__") return go(Place::kMetadata);
    if (!header.tensors.try_emplace(name_).second) return fail(of_tensor("stands there twice"));
    has_dtype_ = has_shape_ = has_offsets_ = false;
    offsets_.clear();
    return go(Place::kTensor);
  }
  bool end_object() override {
    if (place_ == Place::kTop) return go(Place::kEnd);
    if (place_ == Place::kTensor) {
      if (!has_dtype_ || !has_shape_ || !has_offsets_) {
        return fail(of_tensor("has no dtype, shape or data_offsets"));
      }
      if (offsets_.size() != 2) return fail(of_tensor("data_offsets are not two numbers"));
      entry().begin = offsets_[0];
      entry().end = offsets_[1];
    }
    return go(Place::kTop);
  }
  bool key(string_t& key) override {
    (place_ == Place::kTop ? name_ : key_) = key;
    return true;
  }
  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      header.metadata[key_] = value;
      return true;
    }
    if (place_ != Place::kTensor || key_ != "dtype" || has_dtype_) return misplaced("a text");
    has_dtype_ = true;
    entry().dtype = value;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ == Place::kTensor && key_ == "shape" && !has_shape_) {
      has_shape_ = true;
      return go(Place::kShape);
    }
    if (place_ == Place::kTensor && key_ == "data_offsets" && !has_offsets_) {
      has_offsets_ = true;
      return go(Place::kOffsets);
    }
    return misplaced("a list");
  }
  bool end_array() override { return go(Place::kTensor); }
  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) {
      if (entry().shape.size() == kMaxDimensions) return fail(of_tensor("has too many dimensions"));
      constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      if (value > kMost) return fail(of_tensor("shape and data_offsets disagree"));
      entry().shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (place_ == Place::kOffsets && offsets_.size() < 2) {
      offsets_.push_back(value);
      return true;
    }
    return misplaced("a number");
  }
  bool number_integer(number_integer_t) override {
    if (place_ == Place::kShape) return fail(of_tensor("has a negative size"));
    return misplaced("a negative number");
  }
  bool number_float(number_float_t, const string_t&) override { return misplaced("a fraction"); }
  bool null() override { return misplaced("null"); }
  bool boolean(bool) override { return misplaced("true or false"); }
  bool binary(binary_t&) override { return misplaced("binary data"); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    if (problem.empty()) problem = "is not a JSON object";
    return false;
  }

 private:
  HeaderEntry& entry() { return header.tensors[name_]; }
  bool go(Place place) {
    place_ = place;
    return true;
  }
  bool fail(std::string what) {
    problem = std::move(what);
    return false;
  }
  std::string of_tensor(const std::string& what) const {
    return fmt::format("tensor '{}': {}", printable(name_), what);
  }
  bool misplaced(const char* what) {
    if (place_ == Place::kStart) return fail("is not a JSON object");
    if (place_ == Place::kMetadata) return fail(fmt::format("its metadata holds {}, not only texts", what));
    return fail(of_tensor(fmt::format("{} where it does not belong", what)));
  }

  Place place_ = Place::kStart;
  std::string name_;  // of the tensor
  std::string key_;   // inside it
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  std::vector<std::uint64_t> offsets_;
};

// Bytes of a tensor of that shape, or no value where that is larger than any file.
bool size_of(const HeaderEntry& entry, std::uint64_t& bytes) {
  const auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  bytes = bytes_of_dtype(entry.dtype);
  for (const std::int64_t size : entry.shape) {
    const auto factor = static_cast<std::uint64_t>(size);
    if (factor != 0 && bytes > most / factor) return false;
    bytes *= factor;
  }
  return true;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text) {
  HeaderReader reader;
  const bool complete = nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  if (!complete) throw Error(reader.problem.empty() ? "is not a JSON object" : reader.problem);
  return std::move(reader.header);
}

void check_layout(const SafetensorsHeader& header, std::uint64_t data_bytes) {
  using Named = std::pair<const std::string, HeaderEntry>;
  std::vector<const Named*> in_order;
  for (const Named& named : header.tensors) {
    const HeaderEntry& entry = named.second;
    const auto refuse = [&](const std::string& why) {
      throw Error(fmt::format("tensor '{}': {}", printable(named.first), why));
    };
    if (bytes_of_dtype(entry.dtype) == 0) refuse("unknown dtype " + printable(entry.dtype));
    if (entry.begin > entry.end || entry.end > data_bytes) refuse("data_offsets lie outside the file");
    std::uint64_t bytes = 0;
    if (!size_of(entry, bytes) || bytes != entry.end - entry.begin) refuse("shape and data_offsets disagree");
    in_order.push_back(&named);
  }
  std::sort(in_order.begin(), in_order.end(), [](const Named* a, const Named* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t at = 0;
  for (const Named* named : in_order) {
    if (named->second.begin != at) {
      throw Error(fmt::format("tensor '{}': {} the tensor before it", printable(named->first),
                              named->second.begin < at ? "overlaps" : "leaves a hole after"));
    }
    at = named->second.end;
  }
  if (at != data_bytes) {
    throw Error(fmt::format("{} bytes at its end belong to no tensor", data_bytes - at));
  }
}

}  // namespace wb
