"""repeat_kv and its gradient in PyTorch: an expanded view, then the copy that makes it contiguous."""

from measure import Peer, main


def inputs(problem, random):
    """x (B, T, K, D) as the projection leaves it: token-major, or feature-major as (K, D, B, T) lies."""
    b, t, d = (problem.letter(name) for name in "BTD")
    h, k = problem.heads()
    if problem.says("feature-major"):
        return random.uniform(k, d, b, t, dtype=problem.dtype).permute(2, 3, 0, 1), h // k
    return random.uniform(b, t, k, d, dtype=problem.dtype), h // k


def repeat(x, group):
    """The last step copies where the others made a view only: a group of one."""
    b, t, k, d = x.shape
    copies = x.transpose(1, 2).unsqueeze(2).expand(b, k, group, t, d)
    return copies.reshape(b, k * group, t, d).contiguous()


def gradient_inputs(problem, random):
    b, t, d = (problem.letter(name) for name in "BTD")
    h, k = problem.heads()
    return random.uniform(b, h, t, d, dtype=problem.dtype), h // k


def gradient(dy, group):
    """(B, T, K, D), as a view of (B, K, T, D)."""
    b, h, t, d = dy.shape
    return dy.view(b, h // group, group, t, d).sum(2).transpose(1, 2)


PEERS = {
    "repeat_kv_forward": Peer(inputs, repeat, compiled=False),
    "repeat_kv_backward": Peer(gradient_inputs, gradient),
}

if __name__ == "__main__":
    main(PEERS, __doc__)
