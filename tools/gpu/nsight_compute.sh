#!/usr/bin/env bash
# Counts with Nsight Compute what the meter of the CPU device counts, on a machine with a Hopper GPU, and publishes it:
#
#     tools/gpu/nsight_compute.sh FOLDER
#
# FOLDER gets ncu's own tables; docs/results/nsight_compute gets what tools/publish.py compares. A difference between
# the two needs a sentence in tools/published/meter_reasons.py: publish.py lists those that have none.
set -euo pipefail
if [ $# -ne 1 ]; then
  sed -n 's/^# \{0,1\}//; 2,7p' "$0"
  exit 2
fi
folder=$(realpath -m "$1")
cd "$(dirname "$0")/../.."
mkdir -p "$folder" docs/results/nsight_compute
cmake --preset cuda
cmake --build --preset cuda --target access_patterns chapter_kernels
metrics=$(python3 tools/published/nsight_compute.py --metrics)
gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)
about="Nsight Compute $(ncu --version | grep -oE '[0-9]{4}\.[0-9.]+' | head -1) on one $gpu, commit $(git rev-parse --short=12 HEAD), $(date -u +%F)"
for program in access_patterns chapter_kernels; do
  ncu --clock-control none --csv --page raw --print-units base --metrics "$metrics" build/cuda/bin/$program \
    > "$folder/$program.csv"
  python3 tools/published/nsight_compute.py "$folder/$program.csv" "docs/results/nsight_compute/$program.csv" "$about"
done
python3 tools/publish.py
