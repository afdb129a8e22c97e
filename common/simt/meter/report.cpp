// The report: lines of source, worst first, and totals under the names of Nsight Compute.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "instrumented/line_table.h"
#include "instrumented/source.h"
#include "instrumented/static_shared.h"
#include "meter/arithmetic.h"
#include "meter/parameters.h"
#include "meter/tally.h"

namespace simt::meter {

using nlohmann::json;

namespace {

using Tallies = std::map<std::pair<std::string, const void*>, KernelTally>;

// Never destroyed: kernels may run until the process ends.
Tallies& tallies() {
  static auto& forever = *new Tallies;
  return forever;
}

constexpr int kSchema = 1;

// One row: the accesses of one line to one array.
struct Row {
  std::string file;
  int line = 0;
  std::string kind, array;
  bool shared = false;
  std::uint64_t requests = 0;
  unsigned words = 0;
  Cost cost;
  const Worst* worst = nullptr;
};

std::string kind_of(const Site& site) {
  if (site.kind == instrumented::kAtomic) return "atomic";
  return std::string(site.shared ? "shared" : "global") +
         (site.kind == instrumented::kWrite ? "_store" : "_load");
}

std::string text_of(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> parameters_of(const KernelTally& kernel) {
  std::set<std::string> files{instrumented::line_of(kernel.place).file};
  for (const auto& [key, site] : kernel.sites) files.insert(instrumented::line_of_access(site->pc).file);
  for (const std::string& file : files) {
    const auto names = parameter_names(text_of(file), kernel.name);
    if (!names.empty()) return names;
  }
  return {};
}

std::string name_of(const Array& array, const std::vector<std::string>& parameters) {
  switch (array.where) {
    case Array::kArgument:
      return array.index < parameters.size() ? parameters[array.index] : "";
    case Array::kStaticShared: {
      const instrumented::SharedArray* found = instrumented::shared_array_at(array.index);
      return found == nullptr ? "" : found->name;
    }
    case Array::kDynamicShared:
      return "dynamic shared memory";
    case Array::kOther:
      break;
  }
  return "";
}

std::vector<Row> rows_of(const KernelTally& kernel) {
  const std::vector<std::string> parameters = parameters_of(kernel);
  std::map<std::tuple<std::string, int, std::string, bool, std::string>, Row> rows;
  for (const auto& [key, site] : kernel.sites) {
    const instrumented::SourceLine line = instrumented::line_of_access(site->pc);
    for (const auto& [array, tally] : site->arrays) {
      const std::string kind = kind_of(*site), name = name_of(tally.worst->array, parameters);
      Row& row = rows[{line.file, line.line, kind, site->shared, name}];
      row.file = line.file;
      row.line = line.line;
      row.kind = kind;
      row.array = name;
      row.shared = site->shared;
      row.requests += tally.requests;
      row.words |= tally.words;
      row.cost += tally.cost;
      const bool worse = row.worst == nullptr || tally.worst->excess > row.worst->excess;
      if (worse) row.worst = tally.worst.get();
    }
  }
  std::vector<Row> sorted;
  for (auto& [key, row] : rows) sorted.push_back(std::move(row));
  // First the lines with the most bytes that a better pattern would not move, then those that move the most
  // bytes.
  const auto rank = [](const Row& row) {
    const std::uint64_t excess = (row.cost.sectors - row.cost.ideal_sectors) * kSectorBytes +
                                 (row.cost.wavefronts - row.cost.ideal_wavefronts) * kWavefrontBytes;
    return std::pair(excess, row.cost.bytes_moved);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const Row& a, const Row& b) { return rank(a) > rank(b); });
  return sorted;
}

json worst_of(const Row& row) {
  const Worst& worst = *row.worst;
  json lanes = json::array();
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    if ((worst.request.mask >> lane & 1) == 0) continue;
    const auto offset = static_cast<std::int64_t>(worst.request.address[lane] - worst.array.start);
    lanes.push_back({{"lane", lane}, {"offset", offset}, {"bytes", worst.request.bytes}});
  }
  return {{"block", {worst.block.x, worst.block.y, worst.block.z}},
          {"warp", worst.warp},
          {"array", row.array},
          {"lanes", lanes}};
}

json json_of(const Row& row) {
  return {{"file", row.file},
          {"line", row.line},
          {"text", instrumented::source_text({row.file, row.line})},
          {"kind", row.kind},
          {"memory", row.shared ? "shared" : "global"},
          {"array", row.array},
          {"requests", row.requests},
          {"sectors", row.cost.sectors},
          {"ideal_sectors", row.cost.ideal_sectors},
          {"bytes_used", row.cost.bytes_used},
          {"bytes_moved", row.cost.bytes_moved},
          {"wavefronts", row.cost.wavefronts},
          {"ideal_wavefronts", row.cost.ideal_wavefronts},
          {"active_lanes", row.cost.lanes},
          {"words", row.words},
          {"worst", worst_of(row)}};
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

// Only metrics that have the same meaning in Nsight Compute.
json metrics_of(const std::vector<Row>& rows) {
  json metrics = json::object();
  for (const bool load : {true, false}) {
    const std::string end = load ? "_ld" : "_st", kind = load ? "_load" : "_store";
    std::uint64_t global = 0, shared = 0;
    Cost of_global, of_shared;
    for (const Row& row : rows) {
      if (row.kind == "global" + kind) global += row.requests, of_global += row.cost;
      if (row.kind == "shared" + kind) shared += row.requests, of_shared += row.cost;
    }
    metrics["l1tex__t_requests_pipe_lsu_mem_global_op" + end + ".sum"] = global;
    metrics["l1tex__t_sectors_pipe_lsu_mem_global_op" + end + ".sum"] = of_global.sectors;
    if (global != 0) {
      metrics["l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op" + end + ".ratio"] =
          ratio(of_global.sectors, global);
      metrics["smsp__sass_average_data_bytes_per_sector_mem_global_op" + end + ".pct"] =
          100.0 * ratio(of_global.bytes_used, of_global.bytes_moved);
    }
    metrics["smsp__sass_inst_executed_op_shared" + end + ".sum"] = shared;
    metrics["l1tex__data_pipe_lsu_wavefronts_mem_shared_op" + end + ".sum"] = of_shared.wavefronts;
    metrics["l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op" + end + ".sum"] =
        of_shared.wavefronts - of_shared.ideal_wavefronts;
  }
  return metrics;
}

// Lines of source and the lanes that execute them; the lines with the most idle lanes first.
json passes_of(const KernelTally& kernel) {
  struct Line {
    instrumented::SourceLine line;
    std::uint64_t warps = 0, lanes = 0;
    std::uint64_t idle() const { return warps * kLanes - lanes; }
  };
  std::map<std::pair<std::string, int>, Line> lines;
  for (const auto& [pc, block] : kernel.basic_blocks) {
    const instrumented::SourceLine line = instrumented::line_of(pc);
    if (line.line == 0) continue;  // of the CPU device itself
    Line& sum = lines[{line.file, line.line}];
    sum.line = line;
    sum.warps += block->warp_passes;
    sum.lanes += block->lane_passes;
  }
  std::vector<Line> sorted;
  for (const auto& [place, line] : lines) sorted.push_back(line);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Line& a, const Line& b) { return a.idle() > b.idle(); });
  json result = json::array();
  for (const Line& line : sorted) {
    const std::string text = instrumented::source_text(line.line);
    // GCC 12 constructs a shared array of a class in the first thread of a worker. A GPU does nothing there.
    if (text.find("__shared__") != std::string::npos) continue;
    result.push_back({{"file", line.line.file},
                      {"line", line.line.line},
                      {"text", text},
                      {"warp_passes", line.warps},
                      {"lane_passes", line.lanes}});
  }
  return result;
}

// Instructions of lanes, as Nsight Compute counts them: an instruction that is predicated off does not count.
void add_arithmetic(json& metrics, const KernelTally& kernel, const Arithmetic& arithmetic) {
  Operations sum;
  for (const auto& [pc, block] : kernel.basic_blocks) {
    const auto found = arithmetic.of.find(pc);
    if (found == arithmetic.of.end()) continue;
    sum += found->second * block->lane_passes;
  }
  const auto put = [&](const char* operation, std::uint64_t count) {
    metrics[std::string("smsp__sass_thread_inst_executed_op_") + operation + "_pred_on.sum"] = count;
  };
  put("fadd", sum.add);
  put("fmul", sum.mul);
  put("ffma", sum.fma);
  put("dadd", sum.dadd);
  put("dmul", sum.dmul);
  put("dfma", sum.dfma);
}

std::string without_arguments(const std::string& name) {
  const std::string plain = name.substr(0, name.find('<'));
  const std::size_t colons = plain.rfind("::");
  return colons == std::string::npos ? plain : plain.substr(colons + 2);
}

// The name in the launch, or that in the symbol table if the launch names a variable that points to the
// kernel.
std::string name_of(const detail::Grid& grid) {
  const std::string function = instrumented::function_name(grid.function);
  const bool is_variable = !function.empty() && without_arguments(function) != without_arguments(grid.name);
  return is_variable ? function : grid.name;
}

}  // namespace

KernelTally& tally_of(const detail::Grid& grid) {
  const std::size_t count = tallies().size();
  const auto [entry, is_new] = tallies().try_emplace({grid.name, grid.function});
  if (is_new) {
    entry->second.name = name_of(grid);
    const auto function = reinterpret_cast<std::uintptr_t>(grid.function);
    if (function != 0) {
      entry->second.place = static_cast<std::uint32_t>(function - instrumented::image_base());
    }
    entry->second.order = count;
  }
  return entry->second;
}

// Meters remember the addresses of kernels, sites and blocks: only their counts go.
void forget() {
  for (auto& [name, kernel] : tallies()) {
    kernel.launches = kernel.blocks = kernel.sectors_touched = kernel.left_out = 0;
    for (const auto& [key, site] : kernel.sites) site->arrays.clear();
    for (const auto& [pc, block] : kernel.basic_blocks) block->lane_passes = block->warp_passes = 0;
  }
}

std::string report(Part part) {
  std::vector<std::uint32_t> places, kernel_places, blocks;
  std::vector<const KernelTally*> in_order(tallies().size());
  for (const auto& [name, kernel] : tallies()) {
    in_order[kernel.order] = &kernel;
    kernel_places.push_back(kernel.place);
    for (const auto& [key, site] : kernel.sites) places.push_back(site->pc);
    if (part == Part::kAccesses) continue;
    for (const auto& [pc, block] : kernel.basic_blocks) blocks.push_back(pc);
  }
  const instrumented::LineTable open;
  const Arithmetic arithmetic = part == Part::kAll ? arithmetic_of(blocks) : Arithmetic{};
  instrumented::look_up(blocks);
  instrumented::look_up(kernel_places);
  instrumented::look_up_accesses(places);
  json kernels = json::array();
  for (const KernelTally* found : in_order) {
    const KernelTally& kernel = *found;
    if (kernel.launches == 0) continue;
    const std::vector<Row> rows = rows_of(kernel);
    json lines = json::array();
    for (const Row& row : rows) lines.push_back(json_of(row));
    json metrics = metrics_of(rows);
    if (arithmetic.known) add_arithmetic(metrics, kernel, arithmetic);
    const auto triple = [](dim3 d) { return json::array({d.x, d.y, d.z}); };
    kernels.push_back({{"name", kernel.name},
                       {"launches", kernel.launches},
                       {"blocks", kernel.blocks},
                       {"grid", triple(kernel.grid)},
                       {"block", triple(kernel.block)},
                       {"bytes_touched", kernel.sectors_touched * kSectorBytes},
                       {"left_out", kernel.left_out},
                       {"metrics", metrics},
                       {"passes", part == Part::kAll ? passes_of(kernel) : json::array()},
                       {"lines", lines}});
  }
  return json{{"schema", kSchema}, {"kernels", kernels}}.dump(1);
}

}  // namespace simt::meter
