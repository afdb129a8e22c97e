"""What Nsight Compute counted (docs/results/nsight_compute): a row for each launch, a column per metric.

    python3 tools/published/nsight_compute.py RAW.csv docs/results/nsight_compute/NAME.csv "about this run"

makes such a file of what `ncu --import REPORT --csv --page raw --print-units base` prints, and another,
NAME_arithmetic.csv, of the floating-point operations in it. RAW.csv may hold several outputs, one after the
other; what it does not count is not written. With --metrics it prints what ncu has to count.
tools/gpu/nsight_compute.sh does all of it on a machine with a GPU.
"""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path

GLOBAL, SHARED = "l1tex__t_{0}_pipe_lsu_mem_global_op_{1}.sum", "smsp__sass_{0}_mem_shared_op_{1}.sum"
METRICS = tuple(
    GLOBAL.format(what, operation) for operation in ("ld", "st", "red") for what in ("requests", "sectors")
) + tuple(
    name
    for operation in ("ld", "st")
    for name in (
        f"smsp__sass_inst_executed_op_shared_{operation}.sum",
        f"smsp__sass_l1tex_data_pipe_lsu_wavefronts_mem_shared_op_{operation}.sum",
        f"l1tex__data_pipe_lsu_wavefronts_mem_shared_op_{operation}.sum",
        f"l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_{operation}.sum",
    )
)
OPERATIONS = ("fadd", "fmul", "ffma")
OPERATION = "smsp__sass_thread_inst_executed_op_{}_pred_on.sum"
ARITHMETIC = tuple(OPERATION.format(name) for name in OPERATIONS)


@dataclass(frozen=True)
class Launch:
    kernel: str
    metrics: dict


def load(file: Path) -> tuple[str, list]:
    """(what the file says of the run, the launches in their order)."""
    about, _, table = file.read_text(encoding="utf-8").partition("\n")
    rows = list(csv.DictReader(io.StringIO(table)))
    launches = []
    for row in rows:
        kernel = row.pop("kernel")
        launches.append(Launch(kernel, {name: int(value) for name, value in row.items() if value}))
    return about.removeprefix("# "), launches


def launches_of(raw: str) -> list:
    """The launches in ncu's output. A launch that several outputs list has the metrics of all."""
    found: dict = {}
    for block in blocks(raw):
        for row in block:
            launch = found.setdefault(int(row["ID"]), Launch(row["Kernel Name"], {}))
            for name in (*METRICS, *ARITHMETIC):
                if row.get(name):
                    launch.metrics[name] = round(float(row[name].replace(",", "")))
    return [found[number] for number in sorted(found)]


def blocks(raw: str) -> list:
    """The tables in it: each begins with a line of names, "ID" first, and a line of units."""
    tables: list = []
    for line in raw.splitlines():
        if line.startswith('"ID"'):
            tables.append([line])
        elif tables and line.startswith('"'):
            tables[-1].append(line)
    return [[row for row in csv.DictReader(table) if row["ID"].isdigit()] for table in tables]


def text_of(launches: list, about: str, metrics: tuple = METRICS) -> str:
    out = io.StringIO()
    out.write(f"# {about}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["kernel", *metrics])
    for launch in launches:
        writer.writerow([launch.kernel, *(launch.metrics.get(name, "") for name in metrics)])
    return out.getvalue()


if __name__ == "__main__":
    if sys.argv[1:] == ["--metrics"]:
        print(",".join((*METRICS, *ARITHMETIC)))
        sys.exit()
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    found = launches_of(Path(sys.argv[1]).read_text(encoding="utf-8"))
    target = Path(sys.argv[2])
    arithmetic = target.with_name(f"{target.stem}_arithmetic.csv")
    for file, metrics in ((target, METRICS), (arithmetic, ARITHMETIC)):
        if any(name in launch.metrics for launch in found for name in metrics):
            file.write_text(text_of(found, sys.argv[3], metrics), encoding="utf-8")
            print(f"{file}: {len(found)} launches")
