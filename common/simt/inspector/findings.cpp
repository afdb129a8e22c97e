#include "inspector/findings.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <tuple>

#include "inspector/entry.h"
#include "inspector/own_memory.h"
#include "inspector/watch.h"
#include "inspector/words.h"
#include "instrumented/source.h"

namespace simt::inspector {
namespace {

struct Launch {
  const char* kernel = "";
  dim3 grid, block;
  detail::PointRef point;
};
struct Run {
  std::uint32_t launch;  // 0: no kernel
  std::uint64_t block;   // of no kernel: its number among the outsiders
};
struct Outsider {
  const char* name;
  detail::PointRef point;
};

// One finding as it is stored, without its text.
using Key = std::tuple<What, const char*, std::uint32_t, std::uint32_t, const char*, std::uint32_t>;
struct Booked {
  Access later, earlier;
  bool has_earlier = false;
  std::string memory;
  std::uint64_t count = 0;
  Missing missing;
};

// Never destroyed: kernels may run until the process ends.
struct State {
  std::mutex mutex;
  OwnVector<Launch> launches{{"", dim3(1), dim3(1), nullptr}};  // the first is none: kHostRun
  OwnVector<Run> runs{{0, 0}};
  OwnVector<Outsider> outsiders{{"the host", nullptr}};
  std::map<Key, Booked> booked;
  std::set<std::uint32_t> guesses;
};
State& state() {
  static State& forever = *new State;
  return forever;
}

Key key_of(What what, const Access& later, const Access* earlier) {
  const Launch& launch = state().launches[state().runs[later.run].launch];
  return {what,
          launch.kernel,
          later.site.pc,
          earlier == nullptr ? 0 : earlier->site.pc,
          later.site.file,
          later.site.line};
}

uint3 coordinates(std::uint64_t number, dim3 size) {
  return {static_cast<unsigned>(number % size.x), static_cast<unsigned>(number / size.x % size.y),
          static_cast<unsigned>(number / size.x / size.y)};
}

const char* name_of(Kind kind) {
  switch (kind) {
    case kRead:
      return "read";
    case kWrite:
      return "write";
    case kAtomic:
    case kBlockAtomic:
      return "atomic";
    default:
      return "access";
  }
}

constexpr std::string_view kKernel = "kernel ";  // in front of its name, in Party::by

Party party(const Access& access) {
  const Run& run = state().runs[access.run];
  const Launch& launch = state().launches[run.launch];
  Party result;
  result.access = name_of(static_cast<Kind>(access.kind));
  const SourceLine line = access.site.file == nullptr
                              ? line_of(access.site.pc)
                              : SourceLine{access.site.file, static_cast<int>(access.site.line)};
  result.file = line.file;
  result.line = line.line;
  result.text = source_text(line);
  result.is_kernel = run.launch != 0;
  if (!result.is_kernel) {
    result.by = state().outsiders[run.block].name;
    return result;
  }
  result.by = std::string(kKernel) + launch.kernel;
  result.block = coordinates(run.block, launch.grid);
  result.thread = coordinates(access.thread, launch.block);
  return result;
}

// The lines, with the name of the file where it is not that of the first access.
Finding::Order order(const Missing& missing, const std::vector<Party>& parties) {
  const auto name = [&](const std::string& file, int line) {
    std::string text = "line " + std::to_string(line);
    if (file != parties[0].file) text += " of " + file.substr(file.rfind('/') + 1);
    return text;
  };
  const auto place = [&](std::uint32_t pc) {
    const SourceLine line = line_of(pc);
    return name(line.file, line.line);
  };
  const auto access = [&](const Party& p) { return p.access + " of " + name(p.file, p.line); };
  return {missing.why,           missing.is_update,   access(parties[0]),
          place(missing.signal), place(missing.wait), access(parties[1])};
}

auto order_of(const Finding& f) {
  const auto place = [&](std::size_t i) {
    return i < f.parties.size() ? std::tuple(f.parties[i].file, f.parties[i].line)
                                : std::tuple(std::string(), 0);
  };
  return std::tuple(f.kernel, place(0), place(1), f.what);
}

// Which of two accesses came first is random, so the one at the earlier line is named first. Between streams
// the later access may be of the host: the kernel is then that of the other one.
void put_in_order(Finding& finding) {
  if (finding.parties.size() != 2) return;
  const auto place = [](const Party& p) { return std::tuple(p.file, p.line, p.access != "write", p.by); };
  if (place(finding.parties[1]) < place(finding.parties[0]))
    std::swap(finding.parties[0], finding.parties[1]);
  if (finding.what != What::kStreamRace) return;
  const auto kernel = std::find_if(finding.parties.begin(), finding.parties.end(),
                                   [](const Party& p) { return p.is_kernel; });
  finding.kernel = kernel == finding.parties.end() ? "" : kernel->by.substr(kKernel.size());
}

bool is_race(const Finding& finding) {
  return finding.what == What::kSharedRace || finding.what == What::kGlobalRace ||
         finding.what == What::kStreamRace;
}

// A race may read an element before it is written. This is not a second finding.
bool follows_from_race(const Finding& finding, const std::vector<Finding>& all) {
  if (finding.what != What::kNeverWritten) return false;
  const Party& here = finding.parties[0];
  return std::any_of(all.begin(), all.end(), [&](const Finding& other) {
    return is_race(other) && (other.kernel == finding.kernel || other.what == What::kStreamRace) &&
           std::any_of(other.parties.begin(), other.parties.end(),
                       [&](const Party& p) { return p.file == here.file && p.line == here.line; });
  });
}

// Templates of the C++ library are linked once for kernels and runtime alike: no line of the kernel file is
// involved.
bool is_of_the_runtime(const Finding& finding) {
  return finding.what == What::kHostMemory && finding.parties[0].line == 0;
}

// Several instructions of one line are one mistake.
void merge(std::vector<Finding>& findings) {
  for (Finding& finding : findings) put_in_order(finding);
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return order_of(a) < order_of(b); });
  std::vector<Finding> merged;
  for (Finding& finding : findings) {
    if (!merged.empty() && order_of(merged.back()) == order_of(finding)) {
      merged.back().count += finding.count;
    } else {
      merged.push_back(std::move(finding));
    }
  }
  const std::vector<Finding> all = merged;
  std::erase_if(merged, [&](const Finding& finding) {
    return is_of_the_runtime(finding) || follows_from_race(finding, all);
  });
  findings = std::move(merged);
}

}  // namespace

std::uint32_t add_run(const detail::Grid& grid, std::uint64_t number) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (s.launches.size() <= grid.number) s.launches.resize(grid.number + 1);
  Launch& launch = s.launches[grid.number];
  launch = {grid.name, grid.grid, grid.block, std::move(launch.point)};
  s.runs.push_back({grid.number, number});
  return static_cast<std::uint32_t>(s.runs.size() - 1);
}

std::uint32_t add_outsider(const char* name, const detail::PointRef& point) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.outsiders.push_back({name, point});
  s.runs.push_back({0, s.outsiders.size() - 1});
  return static_cast<std::uint32_t>(s.runs.size() - 1);
}

void add_launch(std::uint32_t number, const detail::PointRef& point) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (s.launches.size() <= number) s.launches.resize(number + 1);
  s.launches[number].point = point;
}

detail::PointRef point_of_launch(std::uint32_t number) {
  const std::lock_guard lock(state().mutex);
  return number < state().launches.size() ? state().launches[number].point : nullptr;
}

bool comes_before(std::uint32_t run, const detail::Point& later) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  const Run& r = s.runs[run];
  const detail::PointRef& point = r.launch == 0 ? s.outsiders[r.block].point : s.launches[r.launch].point;
  return point == nullptr || point->comes_before(later);
}

bool same_launch(std::uint32_t run, std::uint32_t other) {
  return state().runs[run].launch == state().runs[other].launch;
}

bool repeated(What what, const Access& later, const Access* earlier) {
  const std::lock_guard lock(state().mutex);
  const auto found = state().booked.find(key_of(what, later, earlier));
  if (found == state().booked.end()) return false;
  ++found->second.count;
  return true;
}

void report(What what, const Access& later, const Access* earlier, const std::string& memory,
            const Missing& missing) {
  const std::lock_guard lock(state().mutex);
  Booked& booked = state().booked[key_of(what, later, earlier)];
  if (booked.count++ != 0) return;
  booked.later = later;
  booked.has_earlier = earlier != nullptr;
  if (earlier != nullptr) booked.earlier = *earlier;
  booked.memory = memory;
  booked.missing = missing;
}

void add_guess(std::uint32_t pc) {
  const std::lock_guard lock(state().mutex);
  state().guesses.insert(pc);
}

// This is known only after the thread has continued; a race is stored before.
static bool is_guess(const Booked& booked) {
  const auto guesses = [](const Access& read, const Access& other) {
    return read.kind == kRead && other.kind == kAtomic && state().guesses.count(read.site.pc) != 0;
  };
  return booked.has_earlier &&
         (guesses(booked.earlier, booked.later) || guesses(booked.later, booked.earlier));
}

std::vector<Finding> take() {
  std::vector<Finding> findings = so_far();
  const std::lock_guard lock(state().mutex);
  state().booked.clear();
  return findings;
}

std::vector<Finding> so_far() {
  const Inside here;
  State& s = state();
  const std::lock_guard lock(s.mutex);
  std::vector<std::uint32_t> places;
  for (const auto& [key, booked] : s.booked) {
    places.push_back(booked.later.site.pc);
    if (booked.has_earlier) places.push_back(booked.earlier.site.pc);
    if (booked.missing.why != Missing::kUnknown) {
      places.push_back(booked.missing.signal);
      places.push_back(booked.missing.wait);
    }
  }
  look_up(places);
  std::vector<Finding> findings;
  for (const auto& [key, booked] : s.booked) {
    if (is_guess(booked)) continue;
    Finding finding;
    finding.what = std::get<What>(key);
    finding.kernel = std::get<1>(key);
    finding.memory = booked.memory;
    finding.count = booked.count;
    if (booked.has_earlier) finding.parties.push_back(party(booked.earlier));
    finding.parties.push_back(party(booked.later));
    if (booked.missing.why != Missing::kUnknown) finding.order = order(booked.missing, finding.parties);
    findings.push_back(std::move(finding));
  }
  merge(findings);
  for (Finding& finding : findings) finding.advice = advice_for(finding);
  return findings;
}

}  // namespace simt::inspector
