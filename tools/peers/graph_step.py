"""graph_step in PyTorch: the same steps in a torch.cuda.CUDAGraph, captured once and replayed."""

import torch
from measure import Peer, Way, main


def inputs(problem, random):
    n, steps = problem.numbers(2)
    ones, zeros = random.uniform(n) * 0 + 1, random.uniform(n) * 0
    return ones, zeros, steps


def step(total, ones, zeros):
    following = total + ones
    torch.add(following, zeros, out=total)


def eager(ones, zeros, steps):
    total = torch.zeros_like(ones)
    for _ in range(steps):
        step(total, ones, zeros)
    return total


def oracle(ones, zeros, steps):
    return torch.full_like(ones, steps)


def captured():
    """Captured in each call, as graph_step is."""
    if not torch.cuda.is_available():
        raise ImportError("CUDA graphs need a GPU")

    def call(ones, zeros, steps):
        total = torch.zeros_like(ones)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            step(total, ones, zeros)
        for _ in range(steps):
            graph.replay()
        return total

    return Way(call)


PEERS = {"graph_step": Peer(inputs, eager, oracle=oracle, compiled=False, others={"pytorch_graph": captured})}

if __name__ == "__main__":
    main(PEERS, __doc__)
