#!/usr/bin/env bash
# Compile the kernels and the CPU device's ladder for GPUs of other compute capabilities. No GPU is needed.
#
#   tools/gpu/capabilities.sh [capability...]        default: 7.5 8.0 8.6 8.9 9.0a 10.0 12.0
#
# Compiles every .cu file of the chapters, of the ladders and of the CPU device's ladder with nvcc alone, as the files promise, and stops at the first
# that fails. A file that only newer GPUs can have says so in a line "// Needs compute capability 9.0" and is left out, by
# name, for older ones; 9.0a means exactly that one. JOBS=N compiles so many at a time; by default one for each core.
set -euo pipefail
cd "$(dirname "$0")/../.."
nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null) || { echo "error: there is no nvcc" >&2; exit 3; }
jobs=${JOBS:-$(nproc)}
capabilities=("$@")
[ $# -gt 0 ] || capabilities=(7.5 8.0 8.6 8.9 9.0a 10.0 12.0)
mapfile -t files < <(git ls-files '0*/*.cu' 'solutions/ladders/*.cu' 'common/simt/tests/[0-9]*.cu' | grep -v '_cpu\.cu$')
launcher=$(command -v ccache || true)
[ ${#files[@]} -gt 0 ] || { echo "error: no .cu file here" >&2; exit 2; }
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
export nvcc launcher objects

for capability in "${capabilities[@]}"; do
  if ! [[ $capability =~ ^[0-9]+\.[0-9]a?$ ]]; then
    echo "error: '$capability' is no compute capability; say 7.5 or 9.0a" >&2
    exit 2
  fi
  export architecture=sm_${capability/./}
  number=${capability%a}
  compiled=()
  for file in "${files[@]}"; do
    needs=$(sed -n 's|^// Needs compute capability \([0-9.]*a\?\).*|\1|p' "$file" | head -n 1)
    if [[ $needs == *a && $needs != "$capability" ]] ||
      { [ -n "$needs" ] && [ "$(printf '%s\n' "${needs%a}" "$number" | sort -V | head -n 1)" != "${needs%a}" ]; }; then
      echo "$capability: left out, needs $needs: $file"
    else
      compiled+=("$file")
    fi
  done
  begin=$SECONDS
  # The words are for the shell that xargs starts.
  # shellcheck disable=SC2016
  printf '%s\0' "${compiled[@]}" | xargs -0 -P "$jobs" -I{} bash -c '
    # Warnings are the 9.0a build'"'"'s business: here only what does not compile counts. Hardly optimized, the large
    # kernels take a fifth of the time, and ptxas still refuses too much shared memory or a missing instruction.
    $launcher "$nvcc" -std=c++20 -arch="$architecture" -I. -w -Xcicc -O1 -Xptxas -O0 -cubin "$1" -o "$objects/$(echo "$1" | tr / _).cubin" ||
      { echo "$1 does not compile for $architecture" >&2; exit 255; }' compile {}
  echo "$capability: ${#compiled[@]} files compile ($((SECONDS - begin)) s)"
done
