#!/usr/bin/env bash
# Everything that needs a GPU, in one go: build, tests, sanitizer, journey with its PyTorch peer, benchmarks.
#
#   tools/gpu/verify.sh RESULTS_DIR [step...]
#
# Steps: build test memcheck racecheck initcheck synccheck journey peers bench. Default: these, in this order.
# WB_BENCH_OPTIONS=--no-compile leaves torch.compile out of the bench step, which saves much time.
#
# Writes logs and results files to RESULTS_DIR and a short summary last. Exit code: 0 when every step passed.
# bench/NAME_bench-cuda.json hold PyTorch's rows as well: tools/publish.py add bench/NAME_bench-cuda.json NAME-h200
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
results=${1:?usage: tools/gpu/verify.sh RESULTS_DIR [step...]}
shift
steps=${*:-build test memcheck racecheck initcheck synccheck journey peers bench}
mkdir -p "$results" && results=$(cd "$results" && pwd) || exit 2
bin=build/cuda/bin
failed=()
export PYTHONUNBUFFERED=1

note() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" | tee -a "$results/summary.txt"; }

# Runs one step, keeps its whole output in a log, and shows the end of it when it fails.
step() {
  local name=$1 begin=$SECONDS
  shift
  if "$@" >"$results/$name.log" 2>&1; then
    note "ok      $name ($((SECONDS - begin)) s)"
  else
    note "FAILED  $name ($((SECONDS - begin)) s), see $name.log"
    tail -n 60 "$results/$name.log"
    failed+=("$name")
  fi
}

build() { cmake --preset cuda && cmake --build --preset cuda; }

run_tests() { ctest --preset cuda --output-junit "$results/ctest.xml"; }

# One sanitizer tool over every test program, several at a time; a program that takes too long counts as failed.
# Left out: mutants and starters, which are wrong on purpose; the fix-it exercises, whose tests are of times; and the two
# rungs of the ladder that make the device fail.
sanitize() {
  local tool=$1 programs
  # The longest first.
  local long='attention|model|training|journey'
  mapfile -t programs < <(printf "%s\n" "$bin"/*_test "$bin"/simt_ladder | grep -v -E 'starter|mutants|/fix_[^g]|/fix_gradient_c' |
    awk -v long="/($long)_test\$" '{ print ($0 ~ long ? 0 : 1), $0 }' | sort -s -k1,1n | cut -d" " -f2)
  export tool results
  # The words are for the shell that xargs starts.
  # shellcheck disable=SC2016
  printf '%s\0' "${programs[@]}" | xargs -0 -P 6 -I{} bash -c '
    name=$(basename "$1")
    [ "$name" != simt_ladder ] || export GTEST_FILTER=-AssertDeathTest.*:Limits.*
    log=$results/${tool}_$name.txt; begin=$SECONDS
    WB_SANITIZER=$tool timeout 420 compute-sanitizer --tool "$tool" --error-exitcode 99 "$1" >"$log" 2>&1
    code=$?
    echo "$name (exit $code, $((SECONDS - begin)) s): $(tail -n 1 "$log")"
    [ $code -eq 0 ]' sanitize {}
}

journey() { ./workbook journey --device cuda --preset small && cp -r results/. "$results/"; }

peers() { python3 tools/peers/tinyllama_v1.py --preset small --output "$results/peer_tinyllama_v1.json"; }

# References and PyTorch, joined: one results file an exercise, fit to be published.
bench() {
  local code=0
  # shellcheck disable=SC2086
  ./workbook bench --device cuda ${WB_BENCH_OPTIONS:-} || code=1
  cp -r results/bench "$results/" || code=1
  return $code
}

note "commit ${WB_COMMIT:-$(git rev-parse --short HEAD 2>/dev/null || echo unknown)}"
note "$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -1)"
for name in $steps; do
  case $name in
    build) step build build ;;
    test) step test run_tests ;;
    memcheck | racecheck | initcheck | synccheck) step "$name" sanitize "$name" ;;
    journey) step journey journey ;;
    peers) step peers peers ;;
    bench) step bench bench ;;
    *) echo "unknown step '$name'" >&2; exit 2 ;;
  esac
done
if [ ${#failed[@]} -gt 0 ]; then
  note "failed: ${failed[*]}"
  exit 1
fi
note "all steps passed"
