"""online_softmax in PyTorch: the log-sum-exp of every row."""

import torch
from measure import Peer, main


def inputs(problem, random):
    return (random.uniform(*problem.numbers(2), low=-4.0, high=4.0),)


def log_sum_exp(x):
    return torch.logsumexp(x, -1)


def oracle(x):
    largest = x.max(-1, keepdim=True).values
    return torch.log(torch.exp(x - largest).sum(-1)) + largest[:, 0]


PEERS = {"online_softmax": Peer(inputs, log_sum_exp, oracle=oracle)}

if __name__ == "__main__":
    main(PEERS, __doc__)
