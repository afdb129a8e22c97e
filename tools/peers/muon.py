"""muon in PyTorch: momentum, five Newton-Schulz steps in fp32, and the update, operation by operation."""

from measure import Peer, main
from newton_schulz import oracle as orthogonal
from newton_schulz import orthogonalize

LEARNING_RATE, MOMENTUM = 0.02, 0.95  # MuonConfig's


def inputs(problem, random):
    r, c = problem.numbers(2)
    return random.normal(r, c), random.normal(r, c), random.normal(r, c)


def step(p, g, m):
    """In place."""
    m.mul_(MOMENTUM).add_(g)
    update = orthogonalize(g.add(m, alpha=MOMENTUM))
    p.add_(update, alpha=-LEARNING_RATE * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)
    return p, m


def oracle(p, g, m):
    momentum = MOMENTUM * m + g
    rows, columns = p.shape
    scale = max(1.0, rows / columns) ** 0.5
    return p - LEARNING_RATE * scale * orthogonal(g + MOMENTUM * momentum), momentum


PEERS = {"muon": Peer(inputs, step, oracle=oracle, compiled=False, tolerance=1e-3)}

if __name__ == "__main__":
    main(PEERS, __doc__)
