"""The polynomial figure against NumPy's least squares."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from cnnlab.widgets.polynomial_fit import PolynomialFit

SETTINGS = [
    (9, 0.0, 10),
    (9, 0.0, 30),
    (3, 0.0, 10),
    (0, 0.0, 10),
    (9, 1e-9, 10),
    (9, 1e-3, 50),
    (5, 10.0, 20),
]
USE = f"""
print(words());
for (const [order, ridge, points] of {json.dumps(SETTINGS)}) {{
  const {{ train, test }} = module.data(0, points, 0.25);
  print({{ train, test, w: module.fit(train, order, ridge) }});
}}
tour(["order M", 3], ["penalty", 10], ["noise", 0.6], ["points", 40], ["points", 100]);
press("Draw new points");
print(words());
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(PolynomialFit(noise=0.25), USE)


def arrays(points: list[dict[str, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([point["x"] for point in points]), np.array([point["t"] for point in points])


def numpy_fit(x: np.ndarray, t: np.ndarray, order: int, ridge: float) -> np.ndarray:
    """The same minimum from the singular values of the augmented system."""
    penalty = np.sqrt(ridge * len(x)) * np.eye(order + 1)[1:]
    rows = np.vstack([np.vander(x, order + 1, increasing=True), penalty])
    return np.asarray(np.linalg.lstsq(rows, np.concatenate([t, np.zeros(order)]), rcond=0)[0])


@pytest.mark.parametrize(("number", "setting"), list(enumerate(SETTINGS, start=1)))
def test_the_coefficients_are_those_of_least_squares(
    lines: list[str], number: int, setting: tuple[int, float, int]
) -> None:
    order, ridge, points = setting
    shown: dict[str, Any] = json.loads(lines[number])
    x, t = arrays(shown["train"])
    assert len(x) == points
    # The condition of ten powers on [0, 1] is about 1e7; both methods lose that factor and no more.
    np.testing.assert_allclose(shown["w"], numpy_fit(x, t, order, ridge), rtol=1e-6, atol=1e-9)


def test_order_nine_goes_through_ten_points(lines: list[str]) -> None:
    shown = json.loads(lines[1])
    x, t = arrays(shown["train"])
    assert np.abs(np.polyval(shown["w"][::-1], x) - t).max() < 1e-9
    assert np.allclose(shown["w"][::-1], np.polyfit(x, t, 9), rtol=1e-6)
    assert "passes through all 10 points" in lines[0]
    assert "it overfits" in lines[0]


def test_the_errors_are_those_of_the_points(lines: list[str]) -> None:
    shown = json.loads(lines[1])
    errors = [
        np.sqrt(np.mean((np.polyval(shown["w"][::-1], x) - t) ** 2))
        for x, t in (arrays(shown["train"]), arrays(shown["test"]))
    ]
    found = re.search(r"training ([\d.]+), test ([\d.]+) ", lines[0])
    assert found
    assert [float(value) for value in found.groups()] == pytest.approx(errors, abs=6e-4)
    assert errors[1] > 0.3  # 0.25 is the noise's own share


def test_the_noise_is_standard_normal(lines: list[str]) -> None:
    x, t = arrays(json.loads(lines[1])["test"])
    noise = (t - np.sin(2 * np.pi * x)) / 0.25
    assert abs(noise.mean()) < 4 / np.sqrt(len(x))
    assert abs(noise.std() - 1) < 4 / np.sqrt(2 * len(x))


def test_every_control_changes_what_is_said(lines: list[str]) -> None:
    said = [lines[0], *lines[len(SETTINGS) + 1 :]]
    assert len(said) == 7
    assert all(before != after for before, after in pairwise(said))
    assert "stays close to the sine" in said[1]  # order 3 suffices
