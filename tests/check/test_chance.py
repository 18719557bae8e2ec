"""The tests of drawn numbers: right draws pass, and each kind of wrong one is found."""

import math

import pytest
import torch
from scipy.stats import kstwo

from cnnlab.check import chance
from cnnlab.check.compare import Wrong


def test_right_draws_pass(generator: torch.Generator) -> None:
    for _ in range(20):
        values = torch.randint(5, (4000,), generator=generator)
        chance.uniform(values, 5, "row", lambda counts: None)
        chance.no_neighbours(values, 0.2, "rows", "one_offset_for_the_batch")
        chance.rate(values == 0, 0.2, "flips", None)
        numbers = torch.rand(4000, generator=generator)
        assert chance.fits(numbers, lambda x: x)
        counts = [int((torch.rand(64, generator=generator) < 0.5).sum()) for _ in range(40)]
        chance.free_count(counts, 64, 0.5, "it drew True", "exact_share")


@pytest.mark.parametrize("size", [100, 4000])
def test_the_distance_fails_a_right_sample_less_often_than_promised(size: int) -> None:
    """By the exact distribution of the distance."""
    allowed = math.sqrt(math.log(2 / chance.ALPHA) / (2 * size))
    assert kstwo.sf(allowed, size) <= 2 * chance.ALPHA


def test_a_value_that_is_never_drawn_is_found(generator: torch.Generator) -> None:
    values = torch.randint(4, (4000,), generator=generator)
    with pytest.raises(Wrong, match=r"row 0 was drawn in \d+ of 4000 cases; expected about 800"):
        chance.uniform(values, 5, "row", lambda counts: None)


def test_draws_that_come_in_pairs_are_found(generator: torch.Generator) -> None:
    values = torch.randint(5, (2000,), generator=generator).repeat_interleave(2)
    with pytest.raises(Wrong, match="rows 1 apart agree in"):
        chance.no_neighbours(values, 0.2, "rows", "one_offset_for_the_batch")


def test_a_second_half_that_repeats_the_first_is_found(generator: torch.Generator) -> None:
    values = torch.randint(5, (2000,), generator=generator).repeat(2)
    with pytest.raises(Wrong, match="rows 2000 apart agree in 2000 of 2000"):
        chance.no_neighbours(values, 0.2, "rows", "one_offset_for_the_batch")


def test_another_distribution_is_found_and_named(generator: torch.Generator) -> None:
    squares = torch.rand(4000, generator=generator) ** 2
    with pytest.raises(Wrong, match="not uniform") as caught:
        chance.distribution(squares, lambda x: x, "not uniform", [], {"squared": lambda x: x.sqrt()})
    assert caught.value.suspect == "squared"


def test_a_fixed_share_is_found() -> None:
    with pytest.raises(Wrong, match="it drew True exactly 32 of 64, 40 times out of 40"):
        chance.free_count([32] * 40, 64, 0.5, "it drew True", "exact_share")


def test_a_value_out_of_range_is_found() -> None:
    with pytest.raises(Wrong, match="offset 5 was drawn; expected from 0 to 4"):
        chance.within(torch.tensor([0, 4, 5]), 0, 4, "offset")
