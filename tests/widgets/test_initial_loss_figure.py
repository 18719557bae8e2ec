"""The initial loss in the page, against NumPy."""

import json
import re
from collections.abc import Callable

import numpy as np
import pytest

from cnnlab.widgets.initial_loss import InitialLoss

USE = """
print(words());
print([0, 0.5, 1, 3].map((spread) => module.mean(module.losses(module.draws(10, 1), 10, spread))));
print([module.rule(10, 0.5), module.penalty(1e3, 154100, 1e-4)]);
tour(["classes K", 6], ["spread of logits", 3], ["strength λ", 9], ["size of weights", 2]);
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(InitialLoss(), USE)


def test_without_spread_it_is_ln_k_and_grows_as_in_numpy(lines: list[str]) -> None:
    found = json.loads(lines[1])
    z = np.random.default_rng(0).normal(size=(200_000, 10))
    expected = [(np.log(np.exp(s * z).sum(axis=1)) - s * z[:, 0]).mean() for s in (0, 0.5, 1, 3)]
    assert found[0] == pytest.approx(np.log(10), abs=1e-12)
    np.testing.assert_allclose(found, expected, rtol=0.04)


def test_the_rule_and_the_penalty(lines: list[str]) -> None:
    rule, price = json.loads(lines[2])
    assert rule == pytest.approx(np.log(10) + 0.125 * 0.9)
    assert price == pytest.approx(0.7705)


def test_every_control_changes_what_is_said(lines: list[str]) -> None:
    assert len({lines[0], *lines[3:]}) == 5
    assert "ln 10 = 2.3026" in lines[0]
    assert "ln 100 = 4.6052" in lines[3]
    assert "far from guessing" in lines[4]
    added = [re.search(r"adds ([\d.]+)", line) for line in lines[5:]]
    assert [float(match[1]) for match in added if match] == pytest.approx([0.7705, 77.05])
