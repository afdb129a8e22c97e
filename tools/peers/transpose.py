"""transpose in PyTorch: the copy that makes a transposed view contiguous."""

import torch
from measure import Peer, main


def inputs(problem, random):
    rows, columns = problem.numbers(2)
    return (random.uniform(rows, columns),)


def transpose(x):
    return x.t().contiguous()


def oracle(x):
    """Element by element: number i of x goes to row i % columns and column i / columns."""
    rows, columns = x.shape
    number = torch.arange(rows * columns, device=x.device)
    out = torch.empty(rows * columns, dtype=x.dtype, device=x.device)
    out[number % columns * rows + number // columns] = x.reshape(-1)
    return out.view(columns, rows)


PEERS = {"transpose": Peer(inputs, transpose, oracle=oracle, compiled=False)}

if __name__ == "__main__":
    main(PEERS, __doc__)
