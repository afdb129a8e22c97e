"""matmul in PyTorch: cuBLAS, in fp32 with TF32 switched off, and in bf16."""

from measure import NoPeer, Peer, main

LAYOUTS = ("NN", "NT", "TN")


def inputs(problem, random):
    """Square operands, transposed as views: what a library may read as it lies."""
    (size,) = problem.numbers(1)
    layout = problem.text.split()[-1]
    if layout not in LAYOUTS:
        raise NoPeer(f"'{problem.text}' names no layout")
    a, b = (random.uniform(size, size, dtype=problem.dtype) for _ in range(2))
    return (a.T if layout == "TN" else a), (b.T if layout == "NT" else b)


def product(a, b):
    return a @ b


PEERS = {"matmul": Peer(inputs, product, compiled=False)}

if __name__ == "__main__":
    main(PEERS, __doc__)
