"""The optima under the two penalties against scikit-learn's Lasso and Ridge."""

import itertools
import json
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import Lasso, Ridge

from cnnlab.widgets.penalty_geometry import PenaltyGeometry

SETTINGS = list(
    itertools.product([0.02, 0.3, 1.0, 2.0], [0, 30, 45, 150], [(0.6, 1.8), (-2.0, 1.0), (1.5, 1.5)])
)
USE = f"""
print(words());
print({json.dumps(SETTINGS)}.map(([strength, tilt, c]) => {{
  const A = module.curvature(tilt);
  return {{ A, lasso: module.lasso(A, c, strength), ridge: module.ridge(A, c, strength) }};
}}));
tour(["strength", 1], ["tilt", 30], ["its centre, w₁", -1], ["its centre, w₂", -2], ["strength", 0]);
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(PenaltyGeometry(), USE)


def test_the_optima_are_those_of_scikit_learn(lines: list[str]) -> None:
    for (strength, tilt, c), shown in zip(SETTINGS, json.loads(lines[1]), strict=True):
        turn = np.deg2rad(tilt)
        axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        A = axes @ np.diag([0.2, 1.0]) @ axes.T
        np.testing.assert_allclose(shown["A"], A, atol=1e-15)
        # ½ (w − c)ᵀ A (w − c) as a regression on two examples: their mean square is A.
        X = np.sqrt(2) * np.linalg.cholesky(A).T
        y = X @ c
        lasso = Lasso(alpha=strength, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(X, y)
        np.testing.assert_allclose(shown["lasso"], lasso.coef_, atol=1e-7)
        assert [w == 0 for w in shown["lasso"]] == [w == 0 for w in lasso.coef_]
        ridge = Ridge(alpha=4 * strength, fit_intercept=False, solver="cholesky").fit(X, y)
        np.testing.assert_allclose(shown["ridge"], ridge.coef_, atol=1e-12)


def test_l1_gives_exact_zeros_and_l2_does_not(lines: list[str]) -> None:
    assert "L1: the optimum is (0, 1.68), w₁ is exactly 0." in lines[0]
    assert "L2: the optimum is (0.50, 1.05), neither is exactly 0." in lines[0]
    shown = json.loads(lines[1])
    assert sum(0 in entry["lasso"] for entry in shown) > len(shown) / 2
    assert not any(0 in entry["ridge"] for entry in shown)


def test_every_control_changes_what_is_said(lines: list[str]) -> None:
    said = [lines[0], *lines[2:]]
    assert len(set(said)) == 6
    assert said[-1] == "Without a penalty both optima are the loss's minimum, (−1.00, −2.00)."
