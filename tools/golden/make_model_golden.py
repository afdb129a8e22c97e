#!/usr/bin/env python3
"""Writes the trainer's golden file: what a small Llama's loss, gradients and loss curve must be.

    python tools/golden/make_model_golden.py [output]

Needs PyTorch (CPU). The model is written here from its formulas with plain tensor operations and shares
nothing with the C++ trainer; gradients come from autograd in float64. All sizes are odd where they can be, so
that no tile fits.

Tensors of the file:
    config          (10,) F64   C, L, H, K, F, V, B, T, RoPE base, epsilon
    adamw           (5,)  F64   learning rate, beta1, beta2, epsilon, weight decay
    tokens, targets (B, T) I32
    weight/NAME     F32         every parameter, Hugging Face Llama names
    gradient/NAME   F64         its gradient of the mean loss
    loss            (1,)  F64
    curve           (20,) F64   the loss before each AdamW step on this batch, computed in float32
    curve_bf16      (20,) F64   the same under PyTorch's autocast to bfloat16: products in bf16; weights,
                                residual stream, norms, softmax and loss in float32
"""

import json
import math
import struct
import sys
from pathlib import Path

import torch

C, L, H, K, F, V, B, T = 24, 2, 6, 2, 19, 37, 3, 7
ROPE_BASE, EPSILON = 10000.0, 1e-5
D = C // H
LEARNING_RATE, BETA1, BETA2, ADAM_EPSILON, WEIGHT_DECAY = 3e-3, 0.9, 0.999, 1e-8, 0.01
STEPS = 20
DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int32: "I32"}


def write_safetensors(path, tensors):
    """Format: header size (8 bytes, little-endian), JSON header padded with spaces, the tensors' bytes."""
    header, offset, blobs = {}, 0, []
    for name, tensor in sorted(tensors.items()):
        blob = tensor.contiguous().numpy().tobytes()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def parameter_shapes():
    shapes = {"model.embed_tokens.weight": (V, C)}
    for layer in range(L):
        prefix = f"model.layers.{layer}."
        shapes |= {
            prefix + "input_layernorm.weight": (C,),
            prefix + "self_attn.q_proj.weight": (H * D, C),
            prefix + "self_attn.k_proj.weight": (K * D, C),
            prefix + "self_attn.v_proj.weight": (K * D, C),
            prefix + "self_attn.o_proj.weight": (C, H * D),
            prefix + "post_attention_layernorm.weight": (C,),
            prefix + "mlp.gate_proj.weight": (F, C),
            prefix + "mlp.up_proj.weight": (F, C),
            prefix + "mlp.down_proj.weight": (C, F),
        }
    return shapes | {"model.norm.weight": (C,)}


def at_least_float32(x):
    """What autocast does on a GPU to the operands of softmax and of the loss."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def rmsnorm(x, weight):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPSILON) * weight


def rope(x):
    """Rotates the pairs (i, i + D/2) of x (B, heads, T, D) by t * base^(-2i/D)."""
    frequency = ROPE_BASE ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)
    angle = torch.arange(T, dtype=torch.float64)[:, None] * frequency
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    first, second = x[..., : D // 2], x[..., D // 2 :]
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)


def attention(x, p, prefix):
    def heads(name, count):
        return (x @ p[prefix + name].T).view(B, T, count, D).transpose(1, 2)

    q = rope(heads("q_proj.weight", H))
    k = rope(heads("k_proj.weight", K)).repeat_interleave(H // K, dim=1)
    v = heads("v_proj.weight", K).repeat_interleave(H // K, dim=1)
    scores = q @ k.transpose(-1, -2) / math.sqrt(D)
    future = torch.ones(T, T, dtype=torch.bool).triu(1)
    mixed = at_least_float32(scores).masked_fill(future, -math.inf).softmax(-1) @ v
    return mixed.transpose(1, 2).reshape(B, T, H * D) @ p[prefix + "o_proj.weight"].T


def feed_forward(x, p, prefix):
    gate = x @ p[prefix + "gate_proj.weight"].T
    up = x @ p[prefix + "up_proj.weight"].T
    return (gate * torch.sigmoid(gate) * up) @ p[prefix + "down_proj.weight"].T


def mean_loss(p, tokens, targets):
    embedding = p["model.embed_tokens.weight"]
    x = embedding[tokens]
    for layer in range(L):
        prefix = f"model.layers.{layer}."
        x = x + attention(rmsnorm(x, p[prefix + "input_layernorm.weight"]), p, prefix + "self_attn.")
        x = x + feed_forward(rmsnorm(x, p[prefix + "post_attention_layernorm.weight"]), p, prefix + "mlp.")
    logits = at_least_float32(rmsnorm(x, p["model.norm.weight"]) @ embedding.T)
    chosen = logits.gather(-1, targets[..., None])[..., 0]
    return (logits.logsumexp(-1) - chosen).mean()


def loss_curve(weights, tokens, targets, bf16):
    """The loss before each of STEPS steps of AdamW from these weights."""
    single = {name: w.clone().requires_grad_() for name, w in weights.items()}
    optimizer = torch.optim.AdamW(
        single.values(), LEARNING_RATE, (BETA1, BETA2), ADAM_EPSILON, weight_decay=WEIGHT_DECAY
    )
    curve = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = mean_loss(single, tokens, targets)
        curve.append(loss.item())
        loss.backward()
        optimizer.step()
    return curve


def main():
    root = Path(__file__).resolve().parents[2]
    golden = root / "07_tinyllama/trainer/testing/golden/model.safetensors"
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else golden
    torch.manual_seed(7)
    # Larger than a usual start, and norm weights off 1: every term of every gradient must matter.
    weights = {}
    for name, shape in parameter_shapes().items():
        noise = torch.randn(shape)
        weights[name] = 1 + 0.2 * noise if len(shape) == 1 else 0.3 * noise
    # 21 random tokens of 37: some occur more than once, so their embedding gradients must add up.
    tokens, targets = torch.randint(0, V, (B, T)), torch.randint(0, V, (B, T))

    double = {name: w.double().requires_grad_() for name, w in weights.items()}
    loss = mean_loss(double, tokens, targets)
    loss.backward()

    curve = loss_curve(weights, tokens, targets, bf16=False)
    curve_bf16 = loss_curve(weights, tokens, targets, bf16=True)

    tensors = {
        "config": torch.tensor([C, L, H, K, F, V, B, T, ROPE_BASE, EPSILON], dtype=torch.float64),
        "adamw": torch.tensor([LEARNING_RATE, BETA1, BETA2, ADAM_EPSILON, WEIGHT_DECAY], dtype=torch.float64),
        "tokens": tokens.int(),
        "targets": targets.int(),
        "loss": loss.detach().reshape(1),
        "curve": torch.tensor(curve, dtype=torch.float64),
        "curve_bf16": torch.tensor(curve_bf16, dtype=torch.float64),
    }
    for name, weight in weights.items():
        tensors["weight/" + name] = weight
        tensors["gradient/" + name] = double[name].grad
    write_safetensors(output, tensors)
    print(f"{output}: {output.stat().st_size} bytes, loss {curve[0]:.6f} -> {curve[-1]:.6f} in {STEPS} steps")


if __name__ == "__main__":
    main()
