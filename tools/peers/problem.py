"""What a peer is asked to measure: a contract on the sizes that a benchmark's problem name tells."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import torch

BF16 = "_bf16"


class NoPeer(Exception):
    """This problem has no counterpart here: one line on why."""


@dataclass(frozen=True)
class Problem:
    """One (contract, problem) of a benchmark's results, with the work that the benchmark declares for it."""

    contract: str
    text: str  # "8192 x 1024", "n=65536", "B4 T2048 H32 K4 D64 causal"
    bytes: float = 0.0
    flops: float = 0.0
    baseline: dict = field(default_factory=dict, compare=False)  # the row that the others are compared with

    @property
    def operation(self) -> str:
        """The contract without the number format that it stores."""
        return self.contract[: -len(BF16)] if self.contract.endswith(BF16) else self.contract

    @property
    def dtype(self) -> torch.dtype:
        """Of activations and weights."""
        return torch.bfloat16 if self.contract.endswith(BF16) else torch.float32

    def numbers(self, count: int) -> list:
        """The first `count` whole numbers in the name."""
        found = [int(text) for text in re.findall(r"\d+", self.text)]
        if len(found) < count:
            raise NoPeer(f"'{self.text}' does not name {count} sizes")
        return found[:count]

    def letter(self, name: str, default: int | None = None) -> int:
        """The size after a letter: 64 for D in "T128 D64" or "T=128 D=64"."""
        found = re.search(rf"\b{name} ?=? ?(\d+)", self.text)
        if found:
            return int(found.group(1))
        if default is None:
            raise NoPeer(f"'{self.text}' does not say {name}")
        return default

    def heads(self) -> tuple:
        """(H, K) of "H32/4", of "H32 K4", or of "H32" where every query head has its own keys."""
        found = re.search(r"\bH ?=? ?(\d+)/(\d+)", self.text)
        if found:
            return int(found.group(1)), int(found.group(2))
        h = self.letter("H")
        return h, self.letter("K", h)

    def says(self, word: str) -> bool:
        return word in self.text.lower()


class Random:
    """Seeded inputs of one buffer set. With `exact` the same values as float64, for the reference."""

    def __init__(self, seed: int, device: torch.device, exact: bool = False) -> None:
        self.device, self.exact = device, exact
        self.generator = torch.Generator(device).manual_seed(seed)

    def stored(self, values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """The values rounded to `dtype`; with `exact`, those rounded values as float64."""
        rounded = values.to(self.device, dtype)
        return rounded.double() if self.exact else rounded

    def uniform(self, *shape, low=-1.0, high=1.0, dtype=torch.float32) -> torch.Tensor:
        values = torch.rand(shape, generator=self.generator, device=self.device)
        return self.stored(values.mul_(high - low).add_(low), dtype)

    def normal(self, *shape, scale=1.0, dtype=torch.float32) -> torch.Tensor:
        values = torch.randn(shape, generator=self.generator, device=self.device)
        return self.stored(values.mul_(scale), dtype)

    def integers(self, high: int, *shape) -> torch.Tensor:
        return torch.randint(high, shape, generator=self.generator, device=self.device)
