"""What the PyTorch peers share: measure the (contract, problem) pairs of a benchmark's results in PyTorch.

A peer file describes each contract as a Peer and calls main(). It measures exactly the problems that it
finds in the results of the C++ benchmark, so that the rows can stand in one table:

    python3 tools/peers/softmax.py --like results/bench/softmax_bench-cuda.json --output peer.json

A problem name that cannot be understood is left out, and said so.

Rows: `pytorch`, PyTorch as it is; `pytorch_compile`, the formula through torch.compile; and a peer's own.
No row is timed before its outputs were compared with an oracle in float64, which is written without the
calls that are timed, and their layout in memory with that of the contract: a transposed view of a result is
another result, since whoever needs the layout still has to copy.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

# torch.compile in this process: its pool of processes has kept a peer waiting for 300 s at the end.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

try:
    import torch
except ImportError:
    sys.exit("peers need PyTorch: pip install torch, or do without them")

from problem import NoPeer, Problem, Random
from results_file import require_writable, write
from timing import buffer_sets, measure

SCHEMA_VERSION = 1
TOLERANCES = {torch.float32: 2e-5, torch.bfloat16: 2e-2}


@dataclass(frozen=True)
class Way:
    """One way to compute a contract: call(*inputs), or call(*prepare(*inputs)) with `prepare` not timed."""

    call: Callable
    prepare: Callable | None = None


@dataclass(frozen=True)
class Peer:
    """One contract in PyTorch. Functions return a tensor or several; what they return is compared."""

    inputs: Callable  # (Problem, Random) -> the tensors of one buffer set
    eager: Way | Callable
    formula: Callable | None = None  # (*inputs): plain operations, for torch.compile; `eager` where None
    oracle: Callable | None = None  # (*inputs) in float64: never the call that is timed; `formula` where None
    layout: Callable | None = None  # (Problem) -> for each output its axes, from the slowest in memory to the
    # fastest; None: row-major
    compiled: bool = True  # whether torch.compile could help
    others: dict = field(default_factory=dict)  # name -> () -> Way; ImportError means that it is not here
    tolerance: float | None = None  # of the largest difference, relative to the largest reference value
    # None: what the format of each output allows


def outputs(result) -> list:
    return [result] if isinstance(result, torch.Tensor) else list(result)


def laid_out(x: torch.Tensor, axes: tuple) -> torch.Tensor:
    """x with its axes in this order in memory, the slowest first: copied, unless it lies so already."""
    seen = x.permute(axes).contiguous()
    return seen.permute([axes.index(axis) for axis in range(len(axes))])


def misplaced(got, layout: list | None = None) -> str:
    """Which output lies in memory otherwise than the contract wants it, or nothing."""
    for index, x in enumerate(outputs(got)):
        axes = layout[index] if layout else tuple(range(x.dim()))
        if not x.permute(axes).is_contiguous():
            strides = f"output {index}, {tuple(x.shape)}, has strides {x.stride()}"
            return f"{strides}: its axes do not lie in the order {axes} in memory"
    return ""


def mismatch(got, reference, tolerance: float | None = None) -> str:
    """Why `got` is wrong, or nothing. NaN never passes. The tolerance is that of how an output is stored."""
    if len(outputs(got)) != len(outputs(reference)):
        return f"{len(outputs(got))} outputs, not {len(outputs(reference))}"
    for index, (mine, right) in enumerate(zip(outputs(got), outputs(reference))):
        if mine.shape != right.shape:
            return f"output {index} is {tuple(mine.shape)}, not {tuple(right.shape)}"
        worst = (mine.double() - right.double()).abs().max().item()
        largest = right.abs().max().item()
        if not worst <= (tolerance or TOLERANCES[mine.dtype]) * largest:
            return f"output {index} differs by {worst:.3g} where values reach {largest:.3g}"
    return ""


def wide(x: torch.Tensor) -> torch.Tensor:
    """At least fp32: what is stored as bf16 is computed in fp32."""
    return x.float() if x.dtype == torch.bfloat16 else x


def first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or ["no reason given"]
    return f"{type(error).__name__}: {lines[0][:200]}"


def set_bytes(tensors) -> int:
    return sum(t.numel() * t.element_size() for t in tensors if isinstance(t, torch.Tensor))


class Run:
    """One problem: its reference, its buffers, and a row for each way to compute it."""

    def __init__(self, peer: Peer, problem: Problem, device: torch.device) -> None:
        self.peer, self.problem, self.device = peer, problem, device
        self.layout = peer.layout(problem) if peer.layout else None
        with torch.no_grad():
            self.reference = self.oracle(*peer.inputs(problem, Random(1, device, exact=True)))
        one = peer.inputs(problem, Random(1, device))
        stored = [result.to(problem.dtype) for result in outputs(self.reference)]  # the reference is float64
        count = buffer_sets(set_bytes(one) + set_bytes(stored), device)
        del stored
        self.sets = [peer.inputs(problem, Random(seed + 1, device)) for seed in range(count)]

    @property
    def formula(self) -> Callable:
        return self.peer.formula or self.peer.eager

    @property
    def oracle(self) -> Callable:
        found = self.peer.oracle or self.peer.formula
        if found is None or found is self.peer.eager:
            raise NoPeer("it has no oracle beside the call that is timed")
        return found

    def row(self, name: str, make: Callable) -> dict:
        row = {
            "contract": self.problem.contract,
            "problem": self.problem.text,
            "implementation": name,
            "baseline": self.problem.baseline.get("implementation", name),
            "outcome": "ok",
            "message": "",
            "bytes": self.problem.bytes,
            "flops": self.problem.flops,
        }
        try:
            way = make()
            return row | self.measured(way if isinstance(way, Way) else Way(way))
        except ImportError as error:
            return row | {"outcome": "skipped", "message": f"not here: {error}"}
        except Exception as error:  # a peer that fails must not take the others with it
            return row | {"outcome": "error", "message": first_line(error)}

    def measured(self, way: Way) -> dict:
        # Its own inputs: an operation may work in place.
        mine = self.peer.inputs(self.problem, Random(1, self.device))
        mine = way.prepare(*mine) if way.prepare else mine
        sets = [way.prepare(*tensors) for tensors in self.sets] if way.prepare else self.sets
        with torch.no_grad():
            result = way.call(*mine)
            problem = mismatch(result, self.reference, self.peer.tolerance) or misplaced(result, self.layout)
            if problem:
                return {"outcome": "wrong", "message": problem}
            return measure(way.call, sets, self.device)

    def rows(self, with_compile: bool):
        peer = self.peer
        yield self.row("pytorch", lambda: peer.eager)
        if with_compile and peer.compiled:
            torch._dynamo.reset()
            yield self.row("pytorch_compile", lambda: torch.compile(self.formula, dynamic=False))
        for name, make in peer.others.items():
            yield self.row(name, make)


def problems(like: dict) -> list:
    """Every (contract, problem) of a benchmark's results, once, in its order."""
    found = {}
    for row in like["body"]["rows"]:
        key = (row["contract"], row["problem"])
        if key not in found or row["implementation"] == row["baseline"]:
            found[key] = Problem(*key, row["bytes"], row["flops"], row)
    return list(found.values())


def document(like: dict, program: str, device: torch.device, rows: list) -> dict:
    """The frame is that of the benchmark, measured on the same device a moment ago."""
    timer = "cuda_events" if device.type == "cuda" else "host_clock"
    body = {"program": program, "peer": "pytorch", "peer_version": torch.__version__, "timer": timer}
    return {
        **like,
        "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": os.environ.get("WB_COMMIT") or like["commit"],
        "body": body | {"roofs": like["body"]["roofs"], "rows": rows},
    }


def read_like(path: Path, device: torch.device) -> dict:
    try:
        like = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"peer: cannot read {path}: {error}; run the benchmark first")
    if like.get("schema_version") != SCHEMA_VERSION or like.get("kind") != "benchmarks":
        sys.exit(f"peer: {path} is no benchmark of schema version {SCHEMA_VERSION}; run the benchmark again")
    if like["device"]["kind"] != device.type:
        sys.exit(
            f"peer: {path} was measured on the {like['device']['kind']} device, PyTorch would use "
            f"{device.type}; figures of different devices never stand in one table"
        )
    return like


def show(row: dict) -> None:
    where = f"  {row['contract']} {row['problem']}: {row['implementation']}"
    if row["outcome"] == "ok":
        print(f"{where} {1e6 * row['seconds']['median']:.2f} us", flush=True)
    else:
        print(f"{where} {row['outcome']}: {row['message']}", flush=True)


def main(peers: dict, description: str) -> None:
    """Measure what --like names; exit code 1 when a row is wrong. torch.compile may fail, which is told."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--like", type=Path, required=True, help="results of the C++ benchmark")
    parser.add_argument("--output", type=Path, help="write the results to this JSON file")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile, which takes long")
    options = parser.parse_args()
    require_writable(options.output)
    has_cuda = torch.cuda.is_available()
    if options.device == "cuda" and not has_cuda:
        parser.error("--device cuda: PyTorch finds no CUDA device")
    device = torch.device("cuda" if has_cuda and options.device != "cpu" else "cpu")
    torch.set_float32_matmul_precision("highest")  # no TF32: fp32 is compared with fp32

    like = read_like(options.like, device)
    print(f"PyTorch {torch.__version__} on {like['device']['name']}", flush=True)
    rows = []
    for problem in problems(like):
        peer = peers.get(problem.contract) or peers.get(problem.operation)
        if peer is None:
            print(f"  {problem.contract}: no peer", flush=True)
            continue
        try:
            for row in Run(peer, problem, device).rows(not options.no_compile):
                rows.append(row)
                show(row)
        except NoPeer as error:
            print(f"  {problem.contract}: no peer: {error}", flush=True)
        except Exception as error:  # of the reference, most likely out of memory
            print(f"  {problem.contract} {problem.text} failed: {first_line(error)}", flush=True)
        if options.output:  # after each problem: a process that dies leaves what it has measured
            write(options.output, document(like, Path(sys.argv[0]).name, device, rows))
        if device.type == "cuda":
            torch.cuda.empty_cache()
    sys.exit(1 if any(row["outcome"] == "wrong" for row in rows) else 0)
