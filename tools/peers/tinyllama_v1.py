"""The journey's peer: the same Llama and the same training step in PyTorch, measured the same way.

Variant v1 is the usual first version, all of it eager fp32 library calls: RMSNorm in four operations, keys
and values copied by repeat_kv, attention scores written to memory, AdamW with PyTorch's defaults. The other
variants are what PyTorch's own means make of it: fused attention and norm, tf32, bf16 autocast, compiled.

    python3 tools/peers/tinyllama_v1.py --preset small --variant bf16 --output results/peer.json
    python3 tools/peers/tinyllama_v1.py --like results/journey.json --output results/journey-pytorch.json

The second form takes model and batch from a journey and runs the variants that make sense on its device.
Needs PyTorch; uses a CUDA device when there is one, else the CPU.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from llama import PRESETS, Config, Llama, torch
from results_file import require_writable, write

SCHEMA_VERSION = 1
FEWEST_SAMPLES, ENOUGH_SAMPLES, ENOUGH_S = 10, 200, 1.0
WARM_UP_STEPS, WARM_UP_S = 2, 0.2
STEPS_BEFORE_CAPTURE = 4
PHASES = ("forward", "backward", "optimizer")


@dataclass(frozen=True)
class Variant:
    fused: bool = False  # PyTorch's fused attention, norm and optimizer
    bf16: bool = False  # autocast; the weights stay fp32
    tf32: bool = False
    compiled: bool = False
    graph: bool = False  # the whole step as one CUDA graph

    @property
    def precision(self) -> str:
        return "bf16 autocast" if self.bf16 else "tf32" if self.tf32 else "fp32"


VARIANTS = {
    "v1": Variant(),
    "fused": Variant(fused=True),
    "tf32": Variant(fused=True, tf32=True),
    "bf16": Variant(fused=True, bf16=True),
    "compile_tf32": Variant(fused=True, tf32=True, compiled=True),
    "compile_bf16": Variant(fused=True, bf16=True, compiled=True),
    "compile_graph_tf32": Variant(fused=True, tf32=True, compiled=True, graph=True),
    "compile_graph_bf16": Variant(fused=True, bf16=True, compiled=True, graph=True),
}
TITLES = {
    "v1": "PyTorch eager, unfused, fp32",
    "fused": "PyTorch eager, fp32",
    "tf32": "PyTorch eager, tf32",
    "bf16": "PyTorch eager, bf16",
    "compile_tf32": "PyTorch compile, tf32",
    "compile_bf16": "PyTorch compile, bf16",
    "compile_graph_tf32": "PyTorch compile + CUDA graph, tf32",
    "compile_graph_bf16": "PyTorch compile + CUDA graph, bf16",
}
# Beside a journey: what PyTorch's users would try, in this order.
BESIDE = {
    "cuda": ("v1", "fused", "bf16", "compile_bf16", "compile_graph_tf32", "compile_graph_bf16"),
    "cpu": ("v1", "fused"),
}


class Run:
    """One model, one fixed batch of random tokens, and a step in three phases."""

    def __init__(self, config: Config, variant: Variant, device, seed: int, learning_rate: float):
        torch.manual_seed(seed)
        torch.set_float32_matmul_precision("high" if variant.tf32 else "highest")
        self.config, self.variant, self.device = config, variant, device
        self.model = Llama(config, variant.fused).to(device)
        self.loss_of = torch.compile(self.model) if variant.compiled else self.model
        kind = {"fused": True} if variant.fused else {}
        if variant.graph:
            kind["capturable"] = True
        parameters = self.model.parameters()
        self.optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.01, **kind)
        tokens = torch.randint(config.v, (config.b, config.t + 1), device=device)
        self.tokens, self.targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
        self.graph, self.loss = None, None
        self.capture_losses: list = []

    def wait(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def forward(self):
        # A graph must hold its own casts of the weights: autocast's cache would outlive the step.
        cache = not self.variant.graph
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.variant.bf16, cache_enabled=cache):
            return self.loss_of(self.tokens, self.targets)

    def capture(self) -> None:
        """The step as a graph: first some steps on a stream of their own, as PyTorch asks for."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(STEPS_BEFORE_CAPTURE):
                self.optimizer.zero_grad(set_to_none=True)
                loss = self.forward()
                loss.backward()
                self.optimizer.step()
                self.capture_losses.append(loss.item())
        torch.cuda.current_stream().wait_stream(stream)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = self.forward()
            self.loss.backward()
            self.optimizer.step()

    def step(self) -> dict:
        """Milliseconds of the step and of its phases, the device idle at every border; and the loss."""
        if self.graph is not None:
            begin = self.wait()
            self.graph.replay()
            value = self.loss.item()
            return {"step": 1e3 * (self.wait() - begin), "loss": value}
        begin = self.wait()
        loss = self.forward()
        forward = self.wait()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        backward = self.wait()
        self.optimizer.step()
        optimizer = self.wait()
        value = loss.item()
        end = self.wait()
        times = {
            "forward": forward - begin,
            "backward": backward - forward,
            "optimizer": optimizer - backward,
        }
        return {name: 1e3 * s for name, s in times.items()} | {"step": 1e3 * (end - begin), "loss": value}

    def gradients(self) -> dict:
        """How much of the model received a gradient: a finite one that is not zero."""
        report = {"tensors": 0, "covered_tensors": 0, "elements": 0, "covered_elements": 0, "missing": []}
        for name, parameter in self.model.named_parameters():
            gradient = parameter.grad
            useful = 0 if gradient is None else int((gradient.isfinite() & (gradient != 0)).sum())
            report["tensors"] += 1
            report["covered_tensors"] += useful > 0
            report["elements"] += parameter.numel()
            report["covered_elements"] += useful
            if useful == 0:
                report["missing"].append(name)
        return report


def measure(run: Run, steps: int) -> dict:
    """Train `steps` steps, time what comes after the warm-up, go on until there are samples enough."""
    if run.variant.graph:
        run.capture()
    losses, samples, warm_up_s, timed_s = run.capture_losses[:steps], [], 0.0, 0.0
    done = len(losses)
    while True:
        enough = len(samples) >= FEWEST_SAMPLES and (timed_s >= ENOUGH_S or len(samples) >= ENOUGH_SAMPLES)
        if done >= steps and enough:
            break
        sample = run.step()
        if done < steps:
            losses.append(sample["loss"])
        if done >= WARM_UP_STEPS and warm_up_s >= WARM_UP_S:
            samples.append(sample)
            timed_s += 1e-3 * sample["step"]
        else:
            warm_up_s += 1e-3 * sample["step"]
        done += 1

    times = sorted(sample["step"] for sample in samples)
    low, high = (times[round(share * (len(times) - 1))] for share in (0.1, 0.9))
    step_ms = median(times)
    return {
        "loss": {"first": losses[0], "last": losses[-1], "steps": losses},
        "measured": {
            "step_ms": step_ms,
            "step_ms_p10": low,
            "step_ms_p90": high,
            "spread": (high - low) / step_ms,
            "samples_per_second": 1e3 * run.config.b / step_ms,
            "timed_steps": len(samples),
        },
        "timer": phases_of(samples),
    }


def phases_of(samples: list) -> dict:
    """Medians; nothing for a graph, which has no borders between its phases."""
    if "forward" not in samples[0]:
        return dict.fromkeys((*(f"{name}_ms" for name in PHASES), "sum_ms", "share_of_step"))
    phases = {f"{name}_ms": median(sample[name] for sample in samples) for name in PHASES}
    share = median(sum(sample[name] for name in PHASES) / sample["step"] for sample in samples)
    return phases | {"sum_ms": sum(phases.values()), "share_of_step": share}


def commit() -> str:
    if os.environ.get("WB_COMMIT"):
        return os.environ["WB_COMMIT"]
    command = ["git", "rev-parse", "--short", "HEAD"]
    git = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return git.stdout.strip() if git.returncode == 0 else "unknown"


def document(options, config: Config, device, results: list) -> dict:
    """The frame and the names of results/journey.json, so that one reader reads both."""
    on_gpu = device.type == "cuda"
    name = torch.cuda.get_device_name() if on_gpu else platform.processor() or platform.machine()
    letters = {"l" if field == "layers" else field: value for field, value in asdict(config).items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "journey",
        "created": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit(),
        "device": {"kind": device.type, "name": name, "runtime_version": torch.version.cuda or ""},
        "host": {"cores": os.cpu_count(), "system": platform.platform()},
        "body": {
            "peer": "pytorch",
            "peer_version": torch.__version__,
            "variants": options.variants,
            "preset": options.preset,
            "config": letters,
            "precision": ", ".join(sorted({result["precision"] for result in results})),
            "steps": options.steps,
            "seed": options.seed,
            "learning_rate": options.learning_rate,
            "uniform_loss": math.log(config.v),
            "timings_of": "gpu" if on_gpu else "cpu",
            "stages": results,
        },
    }


def show(result: dict) -> None:
    step, timer, gradients = result["measured"], result["timer"], result["gradients"]
    memory = result["peak_memory_bytes"]
    parts = [f"{step['samples_per_second']:.4g} samples/s", f"{step['step_ms']:.2f} ms per step"]
    if timer["sum_ms"] is not None:
        phases = " + ".join(f"{timer[f'{name}_ms']:.2f}" for name in PHASES)
        parts.append(f"forward + backward + optimizer {phases} ms")
    parts.append(f"loss {result['loss']['first']:.2f} to {result['loss']['last']:.2f}")
    if memory is not None:
        parts.append(f"{memory / 2**20:.0f} MiB")
    if gradients["covered_tensors"] != gradients["tensors"]:
        parts.append(f"GRADIENTS REACH {gradients['covered_tensors']} OF {gradients['tensors']} TENSORS")
    print(f"  {result['title']:<36} {', '.join(parts)}", flush=True)


def measured(name: str, config: Config, device, options) -> dict:
    variant = VARIANTS[name]
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    torch._dynamo.reset()
    run = Run(config, variant, device, options.seed, options.learning_rate)
    result = {"stage": f"pytorch_{name}", "title": TITLES[name], "precision": variant.precision}
    result |= measure(run, options.steps)
    on_gpu = device.type == "cuda"
    result["peak_memory_bytes"] = torch.cuda.max_memory_allocated() if on_gpu else None
    return result | {"gradients": run.gradients()}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--like", type=Path, help="a journey's results: its model, batch, steps and seed")
    parser.add_argument("--variant", choices=VARIANTS, action="append", dest="variants", help="repeatable")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--seq-len", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--output", type=Path, help="write the results to this JSON file")
    options = parser.parse_args()
    for name in ("steps", "batch_size", "seq_len"):
        value = getattr(options, name)
        if value is not None and value < 1:
            parser.error(f"--{name.replace('_', '-')} is {value}; it must be 1 or more")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: PyTorch finds no CUDA device")
    on_cpu = options.device == "cpu" or not torch.cuda.is_available()
    if options.variants is None:
        options.variants = list(BESIDE["cpu" if on_cpu else "cuda"]) if options.like else ["v1"]
    for name in options.variants:
        if on_cpu and (VARIANTS[name].bf16 or VARIANTS[name].graph):
            parser.error(f"--variant {name} needs a CUDA device")
    return options


def configuration(options) -> Config:
    """The preset's, or that of the journey that --like names; ends the program in one line when it cannot."""
    if options.like is None:
        config = PRESETS[options.preset]
        return replace(config, b=options.batch_size or config.b, t=options.seq_len or config.t)
    try:
        body = json.loads(options.like.read_text())["body"]
        letters = {"layers" if name == "l" else name: size for name, size in body["config"].items()}
        options.preset, options.steps, options.seed = body["preset"], body["steps"], body["seed"]
        options.learning_rate = body["learning_rate"]
        return Config(**letters)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"--like {options.like}: no results of a journey ({error}); run ./workbook journey first")


def main() -> None:
    options = parse()
    require_writable(options.output)
    use_cuda = options.device != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if use_cuda else "cpu")
    config = configuration(options)
    print(f"PyTorch {torch.__version__}, preset {options.preset}: {config}", flush=True)
    results = []
    for name in options.variants:
        try:
            results.append(measured(name, config, device, options))
        except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
            # No compiler for torch.compile, or no memory: the other rows are worth having.
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            print(f"  {TITLES[name]}: left out: {reason}", file=sys.stderr, flush=True)
            continue
        show(results[-1])
        # After each one: who is stopped keeps the rows that are there.
        write(options.output, document(options, config, device, results))
    if not results:
        sys.exit("no variant could be measured")


if __name__ == "__main__":
    main()
