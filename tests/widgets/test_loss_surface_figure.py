"""Curvatures, condition numbers and gradient descent against NumPy and PyTorch."""

import itertools
import json
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch

from cnnlab.widgets.loss_surface import LossSurface

SETTINGS = list(itertools.product([0.0, 2.0, 5.0], [0.2, 1.0, 5.0], [-0.9, 0.0, 0.5], [False, True]))
USE = f"""
print(words());
print({json.dumps(SETTINGS)}.map(([mean, spread, correlation, standardised]) => {{
  const H = module.curvature(mean, spread, correlation, standardised);
  return {{ H, values: module.eigenvalues(H), path: module.descend(H, 0.5, 12), needed: module.needed(H, 0.5),
    wild: module.needed(H, 1.1), loss: module.loss(H, [0.3, -0.7]) }};
}}));
tour(["mean", 0], ["spread", 1], ["correlation", 0.9], ["rate", 1.1], ["steps", 50]);
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(LossSurface(), USE)


def test_the_curvature_is_the_mean_of_the_products_of_the_inputs(lines: list[str]) -> None:
    """Of inputs made to have exactly the mean, the spread and the correlation that are asked for."""
    z = np.random.default_rng(0).standard_normal((1000, 2))
    z -= z.mean(axis=0)
    z = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z, rowvar=False, bias=True))).T
    for (mean, spread, correlation, standardised), shown in zip(SETTINGS, json.loads(lines[1]), strict=True):
        x = z @ np.linalg.cholesky([[1, correlation], [correlation, 1]]).T * [1, spread] + mean
        if standardised:
            x = (x - x.mean(axis=0)) / x.std(axis=0)
        H = x.T @ x / len(x)
        np.testing.assert_allclose(shown["H"], H, atol=1e-9)
        np.testing.assert_allclose(shown["values"], np.linalg.eigvalsh(H)[::-1], rtol=1e-7)
        errors = x @ (np.array([0.3, -0.7]) - 1)
        assert shown["loss"] == pytest.approx(0.5 * (errors**2).mean())


def test_descent_is_that_of_torchs_optimizer(lines: list[str]) -> None:
    for shown in json.loads(lines[1]):
        H = torch.tensor(shown["H"], dtype=torch.float64)
        w = torch.tensor([-1.2, 0.4], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=1 / shown["values"][0])
        path, losses = [w.tolist()], []
        for step in range(5000):
            optimizer.zero_grad()
            loss = 0.5 * (w - 1) @ H @ (w - 1)
            losses.append(loss.item())
            if losses[-1] <= losses[0] / 100 and step >= 12:
                break
            loss.backward()
            optimizer.step()
            path.append(w.tolist())
        np.testing.assert_allclose(shown["path"], path[:13], atol=1e-9)
        assert shown["needed"] == next(i for i, value in enumerate(losses) if value <= losses[0] / 100)
        assert shown["wild"] is None


def test_what_is_said_changes_with_the_controls(lines: list[str]) -> None:
    assert lines[0].startswith("raw: condition number ")
    assert len({lines[0], *lines[2:]}) >= 5  # the number of steps drawn changes the picture, not the words
    # Without mean and with equal spreads the two surfaces are one.
    raw, standardised = re.findall(r"condition number ([\d.]+)", lines[3])
    assert raw == standardised == "1.00"
    assert lines[5].count("never falls to a hundredth") == 2
