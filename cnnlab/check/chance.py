"""Exact tests of what the augmentations and the sampler draw: right frequencies, independence, fresh calls.

As with the masks of `cnnlab.check.bernoulli`, a right answer can fail by chance; each test here fails one
with probability at most `ALPHA`. Counts are judged by the binomial distribution itself, a sample of numbers
by Massart's bound on the distance of its distribution function, which holds for every sample size.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from scipy.special import bdtr, bdtrc

from cnnlab.check.bernoulli import ALPHA, _unlikely
from cnnlab.check.compare import Wrong


def within(values: torch.Tensor, low: float, high: float, what: str, suspect: str | None = None) -> None:
    """Raise `Wrong` unless every value lies from low to high."""
    bad = (values < low) | (values > high)
    if bool(bad.any()):
        at = bad.nonzero()[0].tolist()
        raise Wrong(
            "randomness",
            f"{what} {float(values[tuple(at)]):g} was drawn; expected from {low:g} to {high:g}.",
            [("counted", f"{int(bad.sum())} of {bad.numel()} lie outside; the first is number {at[0]}")],
            suspect=suspect,
        )


def uniform(
    values: torch.Tensor, size: int, what: str, suspects: Callable[[Sequence[int]], str | None]
) -> None:
    """Raise `Wrong` unless integers in [0, size) can be independent draws that are all equally likely.

    `suspects` names the misconception behind the counts of 0, 1, …, size − 1.
    """
    counts = torch.bincount(values, minlength=size).tolist()
    for value, count in enumerate(counts):
        if _unlikely(count, len(values), 1 / size, ALPHA / size):
            raise Wrong(
                "randomness",
                f"{what} {value} was drawn in {count} of {len(values)} cases; "
                f"expected about {len(values) / size:.0f}, like every value from 0 to {size - 1}.",
                suspect=suspects(counts),
            )


def unrelated(
    first: torch.Tensor, second: torch.Tensor, chance: float, text: str, suspect: str | None
) -> None:
    """Raise `Wrong` if two sequences of independent draws agree more, or less, often than by chance."""
    same, size = int((first == second).sum()), len(first)
    if _unlikely(same, size, chance, ALPHA):
        raise Wrong(
            "randomness",
            f"{text} agree in {same} of {size} cases; chance gives about {chance * size:.0f}.",
            suspect=suspect,
        )


def no_neighbours(values: torch.Tensor, chance: float, what: str, suspect: str) -> None:
    """Raise `Wrong` if a draw depends on one shortly before it, half of all away, or as far from the end."""
    for lag in lags(len(values)):
        text = f"{what} {lag} apart"
        unrelated(values[lag:], values[:-lag], chance, text, suspect)
    half = len(values) // 2
    text = f"{what} as far from the first as from the last"
    unrelated(values[:half], values.flip(0)[:half], chance, text, None)


def lags(size: int) -> tuple[int, ...]:
    """How far apart draws are compared."""
    return 1, 2, 3, size // 2


def plausible(count: int, trials: int, p: float) -> bool:
    """Whether so many of the trials can have succeeded, each with probability p."""
    return not _unlikely(count, trials, p, ALPHA)


def rate(flags: torch.Tensor, p: float, what: str, suspect: str | None) -> None:
    """Raise `Wrong` unless the share of True is that of independent draws with probability p."""
    count, size = int(flags.sum()), len(flags)
    if not plausible(count, size, p):
        raise Wrong(
            "randomness",
            f"{what} in {count} of {size} cases ({100 * count / size:.3g} %); expected {100 * p:.3g} %.",
            suspect=suspect,
        )


def free_count(counts: Sequence[int], size: int, p: float, what: str, suspect: str) -> None:
    """Raise `Wrong` if counts are all the same, as a drawn *fraction* would make them."""
    usual = max(set(counts), key=counts.count)
    probability = float(bdtr(usual, size, p) - (bdtr(usual - 1, size, p) if usual else 0.0))
    hits = counts.count(usual)
    # Times the number of possible counts: which one is the usual one was not known before.
    if bdtrc(hits - 1, len(counts), probability) < ALPHA / (size + 1):
        raise Wrong(
            "randomness",
            f"{what} exactly {usual} of {size}, {hits} times out of {len(counts)}; "
            "independent draws would vary.",
            suspect=suspect,
        )


def fits(values: torch.Tensor, cdf: Callable[[torch.Tensor], torch.Tensor]) -> bool:
    """Whether the values can be independent draws from a continuous distribution.

    Source: Massart 1990: P(sup |F_n − F| > ε) ≤ 2 exp(−2nε²).
    """
    return _distance(values, cdf) <= math.sqrt(math.log(2 / ALPHA) / (2 * len(values)))


def distribution(
    values: torch.Tensor,
    cdf: Callable[[torch.Tensor], torch.Tensor],
    what: str,
    details: Sequence[tuple[str, str]],
    others: Mapping[str, Callable[[torch.Tensor], torch.Tensor]],
) -> None:
    """Raise `Wrong` unless the values can be draws from it; `others` are named misconceptions."""
    if fits(values, cdf):
        return
    suspect = next((name for name, other in others.items() if fits(values, other)), None)
    raise Wrong("randomness", what, details, suspect=suspect)


def _distance(values: torch.Tensor, cdf: Callable[[torch.Tensor], torch.Tensor]) -> float:
    ordered = values.double().sort().values
    steps = torch.arange(len(ordered) + 1, dtype=torch.float64, device=values.device) / len(ordered)
    expected = cdf(ordered).clamp(0, 1)
    return float(torch.maximum(steps[1:] - expected, expected - steps[:-1]).max())
