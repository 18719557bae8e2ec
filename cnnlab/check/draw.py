"""Seeded draws for cases: everything that a case asks follows from one integer."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import torch

T = TypeVar("T")


class Draw:
    """Random numbers from one seed, for one part, drawn on the CPU so that every machine draws the same."""

    def __init__(self, seed: int, part: str) -> None:
        digest = hashlib.sha256(f"{seed}/{part}".encode()).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))

    def normal(
        self,
        *shape: int,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: torch.dtype = torch.float64,
        device: torch.device | None = None,
    ) -> torch.Tensor:
        """Normal numbers, rounded to `dtype`."""
        draws = torch.randn(shape, generator=self._generator, dtype=torch.float64)
        return (mean + std * draws).to(dtype).to(device or "cpu")

    def uniform(self, low: float, high: float) -> float:
        """A number in [low, high), with six digits, so that messages show it whole."""
        return round(low + (high - low) * float(torch.rand((), generator=self._generator)), 6)

    def integer(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self._generator))

    def integers(self, size: int, high: int, device: torch.device | None = None) -> torch.Tensor:
        """`size` integers in [0, high), int64."""
        return torch.randint(high, (size,), generator=self._generator).to(device or "cpu")

    def choice(self, values: Sequence[T]) -> T:
        """One of `values`."""
        return values[self.integer(0, len(values) - 1)]

    def mask(self, *shape: int, keep: float, device: torch.device | None = None) -> torch.Tensor:
        """A bool mask, True with probability `keep`."""
        return (torch.rand(shape, generator=self._generator) < keep).to(device or "cpu")

    def seed(self) -> int:
        """A seed for a generator on the student's side."""
        return self.integer(0, 2**31 - 1)
