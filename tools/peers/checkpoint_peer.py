#!/usr/bin/env python3
"""Checkpoints against transformers, in both directions: the same logits, and text generation from our folder.

    checkpoint_peer.py --driver build/cpu/bin/checkpoint_driver --sample build/cpu/bin/sample

Exits with 77 (skipped) where Python cannot import torch, transformers and safetensors.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import warnings
import zlib
from pathlib import Path

try:
    import torch
    import transformers
    from safetensors.torch import load_file
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

TOLERANCE = 1e-4  # of |ours - theirs| / |theirs|, and of each logit beside the largest
SKIPPED = 77


class Failure(Exception):
    pass


class Programs:
    def __init__(self, driver: Path, sample: Path, folder: Path):
        self.driver, self.sample, self.folder = driver, sample, folder

    def checkpoint(self) -> Path:
        run = self.folder / "run"
        subprocess.run(
            [str(self.driver), str(run), "20", "last"], check=True, capture_output=True, timeout=300
        )
        return run / "latest"

    def try_logits(self, checkpoint: Path, ids: list) -> tuple:
        """(exit code, message, logits or None) of our program."""
        output = self.folder / "logits.safetensors"
        output.unlink(missing_ok=True)
        command = [str(self.sample), "--checkpoint", str(checkpoint), "--logits", str(output)]
        command += ["--ids", ",".join(map(str, ids))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        logits = load_file(output)["logits"] if output.exists() else None
        return done.returncode, done.stderr.strip(), logits

    def logits(self, checkpoint: Path, ids: list) -> "torch.Tensor":
        code, message, logits = self.try_logits(checkpoint, ids)
        if code != 0:
            raise Failure(f"sample refused {checkpoint}: {message}")
        return logits


def expect(condition: bool, what: str):
    if not condition:
        raise Failure(what)


def their_logits(checkpoint: Path, ids: list) -> "torch.Tensor":
    model = transformers.LlamaForCausalLM.from_pretrained(checkpoint, attn_implementation="eager").float()
    with torch.no_grad():
        return model.eval()(torch.tensor([ids])).logits[0]


def compare(name: str, ours: "torch.Tensor", theirs: "torch.Tensor"):
    expect(ours.shape == theirs.shape, f"{name}: shape {tuple(ours.shape)} against {tuple(theirs.shape)}")
    expect(bool(torch.isfinite(theirs).all()), f"{name}: transformers' logits are not finite")
    difference = (ours - theirs).double()
    relative = float(difference.norm() / theirs.double().norm())
    worst = float(difference.abs().max() / theirs.abs().max())
    expect(relative <= TOLERANCE, f"{name}: relative error {relative:.2e}")
    expect(worst <= TOLERANCE, f"{name}: worst logit off by {worst:.2e} of the largest")
    print(f"{name}: relative error {relative:.1e}")


def ours_there(programs: Programs):
    """transformers loads what we saved."""
    checkpoint = programs.checkpoint()
    ids = torch.randint(0, 300, (32,), generator=torch.Generator().manual_seed(1)).tolist()
    compare("ours in transformers", programs.logits(checkpoint, ids), their_logits(checkpoint, ids))

    manifest = json.loads((checkpoint / "manifest.json").read_text())
    for name, facts in manifest["files"].items():
        data = (checkpoint / name).read_bytes()
        expect(len(data) == facts["bytes"], f"{name}: {len(data)} bytes, {facts['bytes']} in the manifest")
        expect(f"{zlib.crc32(data):08x}" == facts["crc32"], f"{name}: another CRC-32 than in the manifest")

    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    every_byte = bytes(range(256)) * 2
    for text in ("To be, or not to be", "\u00e4 \u20ac \U0001f600\n\t\0", every_byte.decode("latin-1")):
        expected = list(text.encode())
        expect(
            tokenizer(text)["input_ids"] == expected, f"the tokenizer does not make bytes of {text[:20]!r}"
        )
        expect(tokenizer.decode(expected) == text, f"the tokenizer does not give {text[:20]!r} back")
    expect(isinstance(tokenizer.decode([299, 256, 65]), str), "an unused id cannot be decoded")

    generate = transformers.pipeline("text-generation", model=str(checkpoint), device="cpu")
    torch.manual_seed(2)
    text = generate("To be", max_new_tokens=20)[0]["generated_text"]
    expect(text.startswith("To be") and len(text) > 5, f"the pipeline made {text!r}")
    expect("<unused" not in text, f"the pipeline chose an id that is no byte: {text!r}")
    # Greedy: ours and theirs say the same.
    likeliest = generate("To be", max_new_tokens=12, do_sample=False)[0]["generated_text"]
    command = [str(programs.sample), "--checkpoint", str(checkpoint), "--prompt", "To be"]
    command += ["--tokens", "12", "--temperature", "0"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=300).stdout.decode()
    expect(said == likeliest + "\n", f"greedy: {said!r} here, {likeliest!r} in transformers")
    print(f"pipeline: {likeliest!r}, the same here")


def llama(**changes) -> "transformers.LlamaForCausalLM":
    sizes = {
        "hidden_size": 48,
        "intermediate_size": 80,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 320,
        "max_position_embeddings": 64,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,
        **changes,
    }
    torch.manual_seed(3)
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes))


def theirs_here(programs: Programs):
    """We load what transformers saved."""
    ids = torch.randint(0, 320, (40,), generator=torch.Generator().manual_seed(4)).tolist()
    cases = (
        ("fp32", torch.float32, "50GB", {}),
        ("fp32 in shards", torch.float32, "50KB", {}),
        ("bf16", torch.bfloat16, "50GB", {}),
        ("bf16 in shards", torch.bfloat16, "30KB", {}),
        ("fp16", torch.float16, "50GB", {}),
        ("rope_theta 500000, eps 1e-6, K = H", torch.float32, "50GB",
         {"rope_theta": 500000.0, "rms_norm_eps": 1e-6, "num_key_value_heads": 4}),
    )  # fmt: skip
    for name, dtype, shard, changes in cases:
        folder = programs.folder / "theirs"
        shutil.rmtree(folder, ignore_errors=True)
        if "rope_theta" in changes and transformers.__version__ >= "5":
            changes = {
                **changes,
                "rope_parameters": {"rope_type": "default", "rope_theta": changes["rope_theta"]},
            }
            del changes["rope_theta"]
        llama(**changes).to(dtype).save_pretrained(folder, max_shard_size=shard)
        shards = len(list(folder.glob("*.safetensors")))
        expect((shards > 1) == ("shards" in name), f"{name}: transformers wrote {shards} files")
        compare(f"theirs here, {name}", programs.logits(folder, ids), their_logits(folder, ids))


def refused_here(programs: Programs):
    """What is not computed here is refused by name, with one line."""
    cases = (
        ("tie_word_embeddings", {"tie_word_embeddings": False}),
        ("attention_bias", {"attention_bias": True}),
        ("mlp_bias", {"mlp_bias": True}),
        ("hidden_act", {"hidden_act": "gelu"}),
        ("head_dim", {"head_dim": 16}),
        ("rope_", {"rope_scaling": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}}),
    )
    for name, changes in cases:
        folder = programs.folder / "refused"
        shutil.rmtree(folder, ignore_errors=True)
        llama(**changes).save_pretrained(folder)
        code, message, logits = programs.try_logits(folder, [1, 2, 3])
        expect(code in (1, 2) and logits is None, f"{name}: exit code {code}")
        expect(name in message and message.count("\n") == 0, f"{name}: the message is {message!r}")
    print(f"refused by name: {', '.join(name for name, _ in cases)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", type=Path, required=True, help="the program checkpoint_driver")
    parser.add_argument("--sample", type=Path, required=True, help="the program sample")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.backends.cuda.matmul.allow_tf32 = False
    folder = Path(tempfile.mkdtemp(prefix="wb_checkpoint_peer_"))
    try:
        programs = Programs(options.driver.resolve(), options.sample.resolve(), folder)
        ours_there(programs)
        theirs_here(programs)
        refused_here(programs)
        return 0
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"checkpoint_peer: {failure}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
