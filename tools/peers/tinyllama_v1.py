"""The journey's peer: the same Llama and the same training step in PyTorch, measured the same way.

Variant v1 is the usual first version, all of it eager fp32 library calls: RMSNorm in four operations, keys
and values copied by repeat_kv, attention scores written to memory, AdamW with PyTorch's defaults. The other
variants are what PyTorch's own means make of it: fused attention and norm, tf32, bf16 autocast, compiled.

    python3 tools/peers/tinyllama_v1.py --preset small --output results/peer_tinyllama_v1.json

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

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    sys.exit("this peer needs PyTorch: pip install torch, or run the journey without its peer")

SCHEMA_VERSION = 1
FEWEST_SAMPLES, ENOUGH_SAMPLES, ENOUGH_S = 10, 200, 1.0
WARM_UP_STEPS, WARM_UP_S = 2, 0.2


@dataclass(frozen=True)
class Config:
    """Letters as everywhere in the workbook."""

    c: int  # model width
    layers: int
    h: int  # query heads
    k: int  # key/value heads
    f: int  # feed-forward width
    v: int  # vocabulary
    b: int  # sequences in a batch
    t: int  # tokens in a sequence


# As 07_tinyllama/trainer/config.cpp.
PRESETS = {
    "nano": Config(128, 2, 4, 2, 1024, 1000, 4, 64),
    "small": Config(512, 8, 8, 4, 2048, 1000, 8, 128),
    "medium": Config(1024, 12, 16, 8, 4096, 1000, 16, 512),
    "tinyllama": Config(2048, 22, 32, 4, 5632, 32000, 4, 2048),
}


@dataclass(frozen=True)
class Variant:
    fused: bool = False  # PyTorch's fused attention, norm and optimizer
    bf16: bool = False  # autocast; the weights stay fp32
    tf32: bool = False
    compiled: bool = False


VARIANTS = {
    "v1": Variant(),
    "fused": Variant(fused=True),
    "tf32": Variant(fused=True, tf32=True),
    "bf16": Variant(fused=True, bf16=True),
    "compile_tf32": Variant(fused=True, tf32=True, compiled=True),
    "compile_bf16": Variant(fused=True, bf16=True, compiled=True),
}


class RMSNorm(nn.Module):
    def __init__(self, width: int, fused: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.fused = fused

    def forward(self, x):  # (B, T, C)
        if self.fused:
            return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-5)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight


def rope_table(t: int, d: int):
    """Cosines and sines, (T, D): the half-split pairing, each angle twice."""
    angles = torch.outer(torch.arange(t).double(), 10000.0 ** (-torch.arange(0, d, 2).double() / d))
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos().float(), angles.sin().float()


def rotate(x, cosine, sine):  # x (B, heads, T, D)
    low, high = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-high, low], dim=-1) * sine


class Attention(nn.Module):
    def __init__(self, config: Config, fused: bool):
        super().__init__()
        self.config, self.fused, self.d = config, fused, config.c // config.h
        self.q_proj = nn.Linear(config.c, config.h * self.d, bias=False)
        self.k_proj = nn.Linear(config.c, config.k * self.d, bias=False)
        self.v_proj = nn.Linear(config.c, config.k * self.d, bias=False)
        self.o_proj = nn.Linear(config.h * self.d, config.c, bias=False)

    def heads(self, x, heads: int):  # (B, T, heads * D) -> (B, heads, T, D)
        return x.view(x.shape[0], x.shape[1], heads, self.d).transpose(1, 2)

    def forward(self, x, cosine, sine, mask):
        b, t, c = x.shape
        q = rotate(self.heads(self.q_proj(x), self.config.h), cosine, sine)
        k = rotate(self.heads(self.k_proj(x), self.config.k), cosine, sine)
        v = self.heads(self.v_proj(x), self.config.k)
        if self.fused:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        else:
            group = self.config.h // self.config.k
            k = k.repeat_interleave(group, dim=1)  # repeat_kv: a copy, (B, H, T, D)
            v = v.repeat_interleave(group, dim=1)
            scores = q @ k.transpose(-2, -1) / math.sqrt(self.d)  # (B, H, T, T), in memory
            out = scores.masked_fill(mask, -math.inf).softmax(dim=-1) @ v
        return self.o_proj(out.transpose(1, 2).reshape(b, t, c))


class Layer(nn.Module):
    def __init__(self, config: Config, fused: bool):
        super().__init__()
        self.input_norm = RMSNorm(config.c, fused)
        self.attention = Attention(config, fused)
        self.attention_norm = RMSNorm(config.c, fused)
        self.gate_proj = nn.Linear(config.c, config.f, bias=False)
        self.up_proj = nn.Linear(config.c, config.f, bias=False)
        self.down_proj = nn.Linear(config.f, config.c, bias=False)

    def forward(self, x, cosine, sine, mask):
        x = x + self.attention(self.input_norm(x), cosine, sine, mask)
        y = self.attention_norm(x)
        return x + self.down_proj(F.silu(self.gate_proj(y)) * self.up_proj(y))


class Llama(nn.Module):
    def __init__(self, config: Config, fused: bool):
        super().__init__()
        self.embedding = nn.Embedding(config.v, config.c)  # also the head: tied
        self.layers = nn.ModuleList(Layer(config, fused) for _ in range(config.layers))
        self.norm = RMSNorm(config.c, fused)
        cosine, sine = rope_table(config.t, config.c // config.h)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        mask = torch.ones(config.t, config.t, dtype=torch.bool).triu(1)
        self.register_buffer("mask", mask, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens, targets):  # (B, T) each; returns the mean loss
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x, self.cosine, self.sine, self.mask)
        logits = self.norm(x) @ self.embedding.weight.T
        return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten())


class Run:
    """One model, one fixed batch of random tokens, and a step in three phases."""

    def __init__(self, config: Config, variant: Variant, device, seed: int, learning_rate: float):
        torch.manual_seed(seed)
        torch.set_float32_matmul_precision("high" if variant.tf32 else "highest")
        self.config, self.variant, self.device = config, variant, device
        self.model = Llama(config, variant.fused).to(device)
        self.loss_of = torch.compile(self.model) if variant.compiled else self.model
        kind = {"fused": True} if variant.fused else {}
        parameters = self.model.parameters()
        self.optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.01, **kind)
        tokens = torch.randint(config.v, (config.b, config.t + 1), device=device)
        self.tokens, self.targets = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()

    def wait(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def step(self) -> dict:
        """Milliseconds of the step and of its phases, the device idle at every border; and the loss."""
        begin = self.wait()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.variant.bf16):
            loss = self.loss_of(self.tokens, self.targets)
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
    losses, samples, warm_up_s, timed_s, done = [], [], 0.0, 0.0, 0
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

    def middle(name: str) -> float:
        return median(sample[name] for sample in samples)

    def phase_sum(sample: dict) -> float:
        return sample["forward"] + sample["backward"] + sample["optimizer"]

    phases = {f"{name}_ms": middle(name) for name in ("forward", "backward", "optimizer")}
    share = median(phase_sum(sample) / sample["step"] for sample in samples)
    step_ms = middle("step")
    return {
        "loss": {"first": losses[0], "last": losses[-1], "steps": losses},
        "measured": {
            "step_ms": step_ms,
            "samples_per_second": 1e3 * run.config.b / step_ms,
            "timed_steps": len(samples),
        },
        "timer": phases | {"sum_ms": sum(phases.values()), "share_of_step": share},
    }


def commit() -> str:
    if os.environ.get("WB_COMMIT"):
        return os.environ["WB_COMMIT"]
    command = ["git", "rev-parse", "--short", "HEAD"]
    git = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return git.stdout.strip() if git.returncode == 0 else "unknown"


def document(options, config: Config, device, result: dict) -> dict:
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
            "variant": options.variant,
            "preset": options.preset,
            "config": letters,
            "precision": "bf16 autocast" if VARIANTS[options.variant].bf16 else "fp32",
            "tf32": VARIANTS[options.variant].tf32,
            "steps": options.steps,
            "seed": options.seed,
            "learning_rate": options.learning_rate,
            "uniform_loss": math.log(config.v),
            "timings_of": "gpu" if on_gpu else "cpu",
            "stages": [result],
        },
    }


def show(result: dict, options, config: Config) -> None:
    step, timer, gradients = result["measured"], result["timer"], result["gradients"]
    memory = result["peak_memory_bytes"]
    print(f"PyTorch {torch.__version__}, {options.variant}, preset {options.preset}: {config}")
    print(f"  loss       {result['loss']['first']:.3f} -> {result['loss']['last']:.3f}")
    print(f"  step       {step['step_ms']:.2f} ms, {step['samples_per_second']:.1f} samples/s")
    print(
        f"  phases     forward {timer['forward_ms']:.2f}, backward {timer['backward_ms']:.2f}, "
        f"optimizer {timer['optimizer_ms']:.2f} ms"
    )
    print(f"  memory     {'unknown on the CPU' if memory is None else f'{memory / 2**20:.1f} MiB'}")
    print(
        f"  gradients  {gradients['covered_tensors']} of {gradients['tensors']} tensors, "
        f"{gradients['covered_elements']:,} of {gradients['elements']:,} values"
    )


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=PRESETS, default="small")
    parser.add_argument("--variant", choices=VARIANTS, default="v1")
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
    if on_cpu and VARIANTS[options.variant].bf16:
        parser.error(f"--variant {options.variant} needs a CUDA device: few CPUs have bf16 instructions")
    return options


def main() -> None:
    options = parse()
    use_cuda = options.device != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if use_cuda else "cpu")
    config = PRESETS[options.preset]
    config = replace(config, b=options.batch_size or config.b, t=options.seq_len or config.t)
    run = Run(config, VARIANTS[options.variant], device, options.seed, options.learning_rate)
    result = {"stage": f"pytorch_{options.variant}", "title": f"PyTorch {options.variant}"}
    result |= measure(run, options.steps)
    result["peak_memory_bytes"] = torch.cuda.max_memory_allocated() if use_cuda else None
    result["gradients"] = run.gradients()
    show(result, options, config)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        if options.output.exists() and not options.output.is_file():
            sys.exit(f"peer: {options.output} is no regular file; name another --output")
        begun = options.output.with_name(f".{options.output.name}.tmp")
        begun.write_text(json.dumps(document(options, config, device, result), indent=2) + "\n")
        begun.replace(options.output)


if __name__ == "__main__":
    main()
