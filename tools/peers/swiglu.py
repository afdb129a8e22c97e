"""swiglu in PyTorch: silu(gate) * up alone, fp32 and bf16, and with its products; and the gradients."""

import math

import torch
import torch.nn.functional as F
from measure import NoPeer, Peer, Way, main, wide


def gate_and_up(problem, random):
    """As many elements as the sizes in the name multiply to."""
    elements = math.prod(problem.numbers(1) if "x" not in problem.text else problem.numbers(2))
    return tuple(random.normal(elements, dtype=problem.dtype) for _ in range(2))


def silu_multiply(gate, up):
    return F.silu(gate) * up


def silu_multiply_formula(gate, up):
    return (F.silu(wide(gate)) * wide(up)).to(gate.dtype)


def gradient_inputs(problem, random):
    gate, up = gate_and_up(problem, random)
    return random.normal(*gate.shape, dtype=problem.dtype), gate, up


def gradient_graph(dout, gate, up):
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in (gate, up)]
        return dout, leaves, silu_multiply(*leaves)


def from_graph(dout, leaves, out):
    return torch.autograd.grad(out, leaves, dout, retain_graph=True)


def gradient_formula(dout, gate, up):
    z, dout, stored = wide(gate), wide(dout), gate.dtype
    s = torch.sigmoid(z)
    dgate = dout * wide(up) * s * (1 + z * (1 - s))
    return dgate.to(stored), (dout * z * s).to(stored)


def layer_inputs(problem, random):
    """x (N, C), w_gate and w_up (F, C)."""
    try:
        n, c, f = (problem.letter(name) for name in "NCF")
    except NoPeer:
        n, c, f = problem.numbers(3)
    weights = [random.normal(f, c, scale=c**-0.5, dtype=problem.dtype) for _ in range(2)]
    return random.normal(n, c, dtype=problem.dtype), *weights


def layer(x, w_gate, w_up):
    gate, up = x @ w_gate.T, x @ w_up.T
    return gate, up, F.silu(gate) * up


def layer_oracle(x, w_gate, w_up):
    gate, up = (torch.einsum("nc,fc->nf", x, weights) for weights in (w_gate, w_up))
    return gate, up, gate / (1 + torch.exp(-gate)) * up


def layer_gradient_inputs(problem, random):
    x, w_gate, w_up = layer_inputs(problem, random)
    return random.normal(x.shape[0], w_up.shape[0], dtype=problem.dtype), x, w_gate, w_up


def layer_graph(dout, *leaves):
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in leaves]
        return dout, leaves, layer(*leaves)[-1]


def layer_gradient_formula(dout, x, w_gate, w_up):
    dgate, dup = gradient_formula(dout, x @ w_gate.T, x @ w_up.T)
    return dgate @ w_gate + dup @ w_up, dgate.T @ x, dup.T @ x


PEERS = {
    "silu_multiply": Peer(gate_and_up, silu_multiply, silu_multiply_formula),
    "silu_multiply_backward": Peer(gradient_inputs, Way(from_graph, gradient_graph), gradient_formula),
    "swiglu_forward": Peer(layer_inputs, layer, oracle=layer_oracle),
    # compiled=False: the formula makes gate and up once more, which the contract is given.
    "swiglu_backward": Peer(
        layer_gradient_inputs, Way(from_graph, layer_graph), layer_gradient_formula, compiled=False
    ),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
