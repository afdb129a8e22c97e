"""launch in PyTorch: two tensors in host memory, their sum on the device, and the way back.

In pieces the same as launch_streamed: two streams, pinned memory, and each piece in one of them.
"""

import torch
from measure import Peer, main


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def inputs(problem, random):
    """a, b, and the memory of the sum: pinned, unless the problem says pageable."""
    n = problem.numbers(1)[0]
    pinned = torch.cuda.is_available() and not problem.says("pageable")
    a, b = random.uniform(n).cpu(), random.uniform(n).cpu()
    out = torch.ones(n, dtype=a.dtype)  # written already: none of its pages is new to the call
    return tuple(x.pin_memory() if pinned else x for x in (a, b, out))


def add(a, b, out):
    return out.copy_(a.to(device()) + b.to(device()))


def oracle(a, b, _out):
    return a + b


def streamed_inputs(problem, random):
    return (*inputs(problem, random), problem.numbers(2)[1])


def add_streamed(a, b, out, piece):
    if not torch.cuda.is_available():
        return torch.add(a, b, out=out)
    first = torch.cuda.current_stream()
    streams = [torch.cuda.Stream(), torch.cuda.Stream()]
    for stream in streams:
        stream.wait_stream(first)
    for number, (x, y, z) in enumerate(zip(a.split(piece), b.split(piece), out.split(piece))):
        with torch.cuda.stream(streams[number % 2]):
            total = x.to("cuda", non_blocking=True) + y.to("cuda", non_blocking=True)
            z.copy_(total, non_blocking=True)
    for stream in streams:
        stream.synchronize()
    return out


def streamed_oracle(a, b, _out, _piece):
    return a + b


PEERS = {
    "launch": Peer(inputs, add, oracle=oracle, compiled=False),
    "launch_streamed": Peer(streamed_inputs, add_streamed, oracle=streamed_oracle, compiled=False),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
