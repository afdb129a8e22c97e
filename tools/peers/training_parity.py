"""Does the trainer learn what PyTorch learns? The same weights and batches of text, two loss curves.

The peer initializes a Llama (tinyllama_v1.py's), cuts batches out of text, trains with AdamW, and has the
program training_parity train from the same weights on the same batches. fp32 is compared with PyTorch's fp32,
tf32 with its tf32, bf16 with its autocast to bfloat16 (the standard way: weights and residual stream in fp32,
products in bf16).

    ./workbook data shakespeare
    python3 tools/peers/training_parity.py --program build/cuda/bin/training_parity --seeds 1,2,3
    python3 tools/peers/training_parity.py --program build/cpu/bin/training_parity --preset tiny --device cpu

The text is tinyshakespeare, so that the figures do not change with this repository; --text takes other files.

Exits with 1 where a loss of any step is further from PyTorch's than the limit. Rounding differences grow with
the learning rate until two runs are as far apart as two seeds; at the default rate they stay small for 200
steps, and what is left is what the programs compute differently. --floor also trains PyTorch a second time,
with attention and norms in separate operations: how far two correct programs part there.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import astuple, replace
from pathlib import Path

from results_file import write
from tinyllama_v1 import PRESETS, Config, Llama, torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/golden"))
from make_model_golden import write_safetensors  # noqa: E402

TEXT = ROOT / "data/tinyshakespeare.txt"  # where ./workbook data puts it
TINY = Config(64, 2, 4, 2, 256, 256, 4, 32)  # for the CPU device
LIMITS = {"fp32": 1e-3, "tf32": 1e-2, "bf16": 1e-2}  # of the relative difference of any step's loss
BETA1, BETA2, EPSILON, WEIGHT_DECAY = 0.9, 0.999, 1e-8, 0.01
NAMES = {  # the peer's modules by Hugging Face's names
    "input_layernorm": "input_norm",
    "post_attention_layernorm": "attention_norm",
    "self_attn.q_proj": "attention.q_proj",
    "self_attn.k_proj": "attention.k_proj",
    "self_attn.v_proj": "attention.v_proj",
    "self_attn.o_proj": "attention.o_proj",
    "mlp.gate_proj": "gate_proj",
    "mlp.up_proj": "up_proj",
    "mlp.down_proj": "down_proj",
}


def hugging_face_weights(model: Llama, layers: int) -> dict:
    state = {name: value.detach().float().cpu() for name, value in model.state_dict().items()}
    weights = {
        "model.embed_tokens.weight": state["embedding.weight"],
        "model.norm.weight": state["norm.weight"],
    }
    for layer in range(layers):
        for theirs, ours in NAMES.items():
            weights[f"model.layers.{layer}.{theirs}.weight"] = state[f"layers.{layer}.{ours}.weight"]
    return weights


def text_batches(text: bytes, config: Config, steps: int, seed: int):
    """Tokens and targets, (steps, B, T) each: rows at random places of `text`, in bytes."""
    text = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(len(text) - config.t, (steps, config.b, 1), generator=generator)
    places = starts + torch.arange(config.t + 1)
    rows = text[places].int()
    return rows[..., :-1].contiguous(), rows[..., 1:].contiguous()


def optimizer_of(model: Llama, options):
    return torch.optim.AdamW(
        model.parameters(), options.learning_rate, (BETA1, BETA2), EPSILON, weight_decay=WEIGHT_DECAY
    )


def pytorch_losses(model: Llama, tokens, targets, precision: str, options) -> list:
    device = torch.device(options.device)
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    optimizer = optimizer_of(model, options)
    losses = []
    for step_tokens, step_targets in zip(tokens.long().to(device), targets.long().to(device)):
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = model(step_tokens, step_targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).double().cpu().tolist()


def workbook_losses(folder: Path, precision: str, options) -> list:
    output = folder / f"{precision}.txt"
    command = [options.program, folder / "input.safetensors", "--losses", output]
    command += ["--precision", precision, "--kernels", options.kernels]
    subprocess.run([str(word) for word in command], check=True)
    return [float(line) for line in output.read_text().split()]


def compare(ours: list, theirs: list) -> dict:
    """NaN on either side counts as infinitely far."""
    differences = [abs(a / b - 1) for a, b in zip(ours, theirs)]
    worst = max((d if d == d else float("inf") for d in differences), default=float("inf"))
    step = next((i for i, d in enumerate(differences) if not d < worst), -1) + 1
    last = sum(ours[-20:]) / sum(theirs[-20:]) - 1
    return {"worst": worst, "worst_step": step, "mean_of_last_20": last, "ours": ours, "pytorch": theirs}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="the built training_parity")
    parser.add_argument("--preset", choices=("tiny", *PRESETS), default="small")
    parser.add_argument("--precisions", default="fp32,tf32,bf16")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", default="1", help="of weights and batches, with commas")
    parser.add_argument("--text", type=Path, nargs="+", default=[TEXT], help="files to cut batches out of")
    parser.add_argument("--floor", action="store_true", help="compare PyTorch with itself, too")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--kernels", default="auto")
    parser.add_argument("--output", type=Path, help="write both curves to this JSON file")
    options = parser.parse_args()
    unknown = set(options.precisions.split(",")) - LIMITS.keys()
    if unknown:
        parser.error(f"--precisions: no {', '.join(sorted(unknown))}; there are {', '.join(LIMITS)}")
    if not all(seed.isdigit() for seed in options.seeds.split(",")):
        parser.error(f"--seeds: whole numbers with commas, as in 1,2,3; not {options.seeds}")
    missing = [file for file in options.text if not file.is_file()]
    if missing:
        parser.error(f"--text: no file {missing[0]}; ./workbook data shakespeare fetches {TEXT}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: PyTorch finds no CUDA device; try --device cpu --preset tiny")
    return options


def write_input(file: Path, weights: dict, config: Config, tokens, targets, options) -> None:
    sizes = [*astuple(config), 10000.0, 1e-5]  # C, L, H, K, F, V, B, T, RoPE base, epsilon
    adamw = [options.learning_rate, BETA1, BETA2, EPSILON, WEIGHT_DECAY]
    tensors = {"weight/" + name: value for name, value in weights.items()}
    tensors["config"] = torch.tensor(sizes, dtype=torch.float64)
    tensors["adamw"] = torch.tensor(adamw, dtype=torch.float64)
    write_safetensors(file, tensors | {"tokens": tokens, "targets": targets})


def curves_of_seed(text: bytes, config: Config, seed: int, options) -> dict:
    """By precision, what compare() says of the two loss curves."""
    torch.manual_seed(seed)
    weights = Llama(config, fused=True).state_dict()
    tokens, targets = text_batches(text, config, options.steps, seed)

    def of_pytorch(precision: str, fused: bool = True) -> list:
        model = Llama(config, fused)
        model.load_state_dict(weights)
        return pytorch_losses(model.to(options.device), tokens, targets, precision, options)

    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = Llama(config, fused=True)
        model.load_state_dict(weights)
        named = hugging_face_weights(model, config.layers)
        write_input(folder / "input.safetensors", named, config, tokens, targets, options)
        for precision in options.precisions.split(","):
            theirs = of_pytorch(precision)
            result = compare(workbook_losses(folder, precision, options), theirs)
            if options.floor:
                result["floor"] = compare(of_pytorch(precision, fused=False), theirs)["worst"]
            result["ok"] = len(result["ours"]) == options.steps and result["worst"] <= LIMITS[precision]
            results[precision] = result
            print(f"seed {seed}, {sentence_of(precision, result, options)}", flush=True)
    return results


def sentence_of(precision: str, result: dict, options) -> str:
    floor = f", PyTorch from itself by {100 * result['floor']:.4f}%" if "floor" in result else ""
    first, last = result["pytorch"][0], result["pytorch"][-1]
    return (
        f"{precision}: loss {first:.4f} -> {last:.4f} in {options.steps} steps of PyTorch "
        f"{torch.__version__}; ours differs by at most {100 * result['worst']:.4f}% "
        f"(step {result['worst_step']}; "
        f"mean of the last 20: {100 * result['mean_of_last_20']:+.4f}%){floor}, "
        f"limit {100 * LIMITS[precision]:g}%: {'ok' if result['ok'] else 'TOO FAR'}"
    )


def main() -> None:
    options = parse()
    config = TINY if options.preset == "tiny" else PRESETS[options.preset]
    config = replace(config, v=max(config.v, 256))  # a byte a token
    text = b"".join(file.read_bytes() for file in options.text)
    if len(text) <= config.t:
        sys.exit(f"--text: {len(text)} bytes; preset {options.preset} needs more than {config.t}")
    seeds = [int(seed) for seed in options.seeds.split(",")]
    curves = {seed: curves_of_seed(text, config, seed, options) for seed in seeds}
    names = [file.name for file in options.text]
    body = {"preset": options.preset, "learning_rate": options.learning_rate, "text": names}
    write(options.output, body | {"curves": curves})
    sys.exit(0 if all(result["ok"] for results in curves.values() for result in results.values()) else 1)


if __name__ == "__main__":
    main()
