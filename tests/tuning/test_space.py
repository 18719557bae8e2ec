"""What may be searched, and what is refused in one sentence."""

import math

import numpy as np
import pytest
from quick import BASE
from scipy.stats import kstest

from cnnlab.errors import InputError
from cnnlab.tuning import Choice, Log, Uniform, Whole, next_space, powers, search
from cnnlab.tuning.space import checked, grid


def test_the_short_forms() -> None:
    space = checked(
        {
            "lr": (1e-4, 1),
            "weight_decay": (1e-6, 1e-2),
            "dropout_rate": (0.0, 0.5),
            "hidden": (8, 64),
            "norm": ["none", "batch"],
        }
    )
    assert space == {
        "lr": Log(1e-4, 1), "weight_decay": Log(1e-6, 1e-2), "dropout_rate": Uniform(0.0, 0.5),
        "hidden": Whole(8, 64), "norm": Choice("none", "batch"),
    }  # fmt: skip
    assert powers(-6, -3) == Log(1e-6, 1e-3)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ((1e-1, 1e-4), "the first number must be the smaller"),
        ((1e-2, 1e-2), "the first number must be the smaller"),
        ((0.0, 1.0), "above 0"),
        ((-1.0, 1.0), "above 0"),
        (Log(1.0, math.inf), "finite"),
        (Log(math.nan, 1.0), "finite"),
        (Whole(1, 2.5), "whole numbers"),  # type: ignore[arg-type]
        ([], "is empty"),
        ([1, 1], "given twice"),
        ([None], "must be a number"),
        ("0.1", "must be a tuple"),
        ((1e-4,), "must be a tuple"),
        ((True, False), "must be a tuple"),
    ],
)
def test_a_range_that_makes_no_sense(item: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        search(BASE, {"lr": item}, trials=1)
    assert "'lr'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("space", [{}, None, [("lr", (1, 2))]])
def test_an_empty_space(space: object) -> None:
    with pytest.raises(InputError, match="empty"):
        checked(space)  # type: ignore[arg-type]


def test_a_grid_has_every_combination_and_the_very_ends() -> None:
    points = grid({"lr": Log(1e-4, 1e-1), "norm": Choice("none", "batch")}, levels=4)
    assert len(points) == 8
    rates = sorted({point["lr"] for point in points})
    np.testing.assert_allclose(rates, np.geomspace(1e-4, 1e-1, 4))
    assert (rates[0], rates[-1]) == (1e-4, 1e-1)


def test_a_logarithmic_range_is_drawn_log_uniformly() -> None:
    table = search(BASE, {"lr": Log(1e-4, 1e-1)}, trials=150, jobs=1, seed=3).table
    exponents = (np.log10(table["lr"].astype(float)) + 4) / 3
    assert kstest(exponents, "uniform").pvalue > 0.01
    assert kstest(table["lr"].astype(float) / 0.1, "uniform").pvalue < 1e-6  # what it must not be


@pytest.mark.parametrize(
    ("best", "low", "high", "what"),
    [
        (1e-4, 10**-4.375, 10**-3.625, "narrowed"),  # the middle of 10^-5.5 … 10^-2.5
        (10**-2.6, 10**-4.1, 10**-1.1, "moved"),
        (10**-5.5, 1e-7, 1e-4, "moved"),
        (1.0, 10**-1.5, 10**1.5, "moved"),  # found in an earlier stage, outside of this one
    ],
)
def test_the_next_range(best: float, low: float, high: float, what: str) -> None:
    space = {"lr": Log(10**-5.5, 10**-2.5)}
    after, moves = next_space(space, space, {"lr": best})  # type: ignore[arg-type]
    found = after["lr"]
    assert isinstance(found, Log)
    assert moves == {"lr": what}
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_ranges_that_are_not_logarithmic_keep_to_their_bounds() -> None:
    space = {"dropout": Uniform(0.0, 0.8), "hidden": Whole(1, 3), "norm": Choice("none", "batch")}
    after, moves = next_space(space, space, {"dropout": 0.79, "hidden": 1, "norm": "none"})  # type: ignore[arg-type]
    assert moves == {"dropout": "at its bound", "hidden": "at its bound", "norm": "kept"}
    assert after["dropout"] == Uniform(pytest.approx(0.39), 0.8)
    assert after["hidden"] == Whole(1, 2)
