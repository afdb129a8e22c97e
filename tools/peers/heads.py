"""How heads lie in memory: the layouts of 4-D tensors in the contracts, as Peer.layout wants them."""

# Axes in memory, the slowest first, of a tensor that is indexed (B, T, heads, D).
TOKEN_MAJOR = (0, 1, 2, 3)  # as a projection leaves it
FEATURE_MAJOR = (2, 3, 0, 1)  # as a transposed projection leaves it
# PyTorch's attention indexes (B, heads, T, D). The projection that follows wants that token-major as well.
TOKEN_MAJOR_BY_HEADS = (0, 2, 1, 3)


def layout_of_heads(problem):
    """Of (B, T, heads, D), as the problem's name says."""
    return FEATURE_MAJOR if problem.says("feature-major") else TOKEN_MAJOR


def queries_and_keys(problem):
    """Of q and k, where only k may be feature-major."""
    return [TOKEN_MAJOR, layout_of_heads(problem)]


def one_by_heads(problem):
    return [TOKEN_MAJOR_BY_HEADS]


def three_by_heads(problem):
    return 3 * [TOKEN_MAJOR_BY_HEADS]
