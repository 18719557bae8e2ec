"""The tests of randomness: how rarely they fail a right mask, and what they must catch."""

import pytest
import torch
from scipy.stats import binom

from cnnlab.check import bernoulli
from cnnlab.check.compare import Wrong


@pytest.mark.parametrize("size", [100, 5_000, 100_000])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_the_rate_test_fails_a_right_mask_less_often_than_promised(size: int, keep: float) -> None:
    """By summing the exact probability of every count that fails."""
    counts = range(size + 1)
    low = next(k for k in counts if not bernoulli._unlikely(k, size, keep, bernoulli.ALPHA))
    high = next(k for k in reversed(counts) if not bernoulli._unlikely(k, size, keep, bernoulli.ALPHA))
    fails = binom.cdf(low - 1, size, keep) + binom.sf(high, size, keep)
    assert 0 < fails <= bernoulli.ALPHA or fails == 0
    assert low < size * keep < high


def test_right_masks_pass(generator: torch.Generator) -> None:
    for keep in (0.1, 0.5, 0.9):
        for _ in range(20):
            mask = torch.rand(24, 6, 8, 9, generator=generator) < keep
            bernoulli.rate(mask, keep)
            bernoulli.independent(mask, keep, ("sample", "channel", "row", "column"))
            bernoulli.not_shared(mask)


def test_a_rate_that_is_off_by_two_percent_is_found(generator: torch.Generator) -> None:
    mask = torch.rand(200, 1000, generator=generator) < 0.52
    with pytest.raises(Wrong, match=r"keeps 5[12]\.?\d* % of the elements; expected 50 %"):
        bernoulli.rate(mask, 0.5)


@pytest.mark.parametrize("axis", range(4))
@pytest.mark.parametrize("period", [1, 2, 3])
def test_a_mask_that_repeats_is_found(axis: int, period: int, generator: torch.Generator) -> None:
    """Along any dimension, every one, two or three slices."""
    shape = [24, 6, 12, 12]
    shape[axis] = period
    piece = torch.rand(shape, generator=generator) < 0.5
    repeats = [1, 1, 1, 1]
    repeats[axis] = (24, 6, 12, 12)[axis] // period
    mask = piece.repeat(repeats)
    names = ("sample", "channel", "row", "column")
    with pytest.raises(Wrong, match=f"not independent: {names[axis]} 0 and {names[axis]} {period} agree"):
        bernoulli.independent(mask, 0.5, names)


def test_a_mask_with_its_complement_is_found(generator: torch.Generator) -> None:
    """Antithetic halves have the right rate and are as dependent as can be."""
    half = torch.rand(12, 6, 8, 9, generator=generator) < 0.5
    with pytest.raises(Wrong, match="agree in 0 of"):
        bernoulli.independent(torch.cat([half, ~half]), 0.5, ("sample", "channel", "row", "column"))


def test_two_calls_that_agree_are_found(generator: torch.Generator) -> None:
    mask = torch.rand(1000, generator=generator) < 0.7
    other = torch.rand(1000, generator=generator) < 0.7
    bernoulli.fresh(mask, other, 0.7, "they", "fixed_seed")
    with pytest.raises(Wrong, match="they gave masks that agree in 1000 of 1000"):
        bernoulli.fresh(mask, mask, 0.7, "they", "fixed_seed")
