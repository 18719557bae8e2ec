"""Where training stops, against a second implementation."""

import itertools
import json
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cnnlab.widgets.early_stopping import EarlyStopping

SETTINGS = list(itertools.product([0.0, 0.05, 0.2], [1, 10, 50], [0.0, 0.6, 0.9], [0.0, 0.01]))
USE = f"""
print(words());
print({json.dumps(SETTINGS)}.map(([noise, patience, smoothing, minDelta], seed) => {{
  const curve = module.curve(seed, noise);
  return {{ curve, ...module.stop(module.smooth(curve, smoothing), patience, minDelta) }};
}}));
print(Array.from({{ length: 200 }}, (_, i) => module.truth(i + 1)));
print(Array.from({{ length: 200 }}, (_, i) => module.curve(1 + i, 0.05)));
tour(["noise", 0.1], ["patience", 30], ["smoothing", 0.8], ["min_delta", 0.05]);
press("Draw new noise");
print(words());
move("noise", 0);
move("min_delta", 0);
move("smoothing", 0);
print(words());
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(EarlyStopping(noise=0.05, patience=10), USE)


def stopped(curve: list[float], patience: int, smoothing: float, min_delta: float) -> tuple[int, int]:
    """(best, stopped), counted from 1; the usual counter of epochs without improvement."""
    values = pd.Series(curve).ewm(alpha=1 - smoothing, adjust=False).mean()
    best, waited, best_epoch = np.inf, 0, 0
    for epoch, value in enumerate(values, start=1):
        if value < best - min_delta:
            best, waited, best_epoch = value, 0, epoch
        else:
            waited += 1
            if waited == patience:
                return best_epoch, epoch
    return best_epoch, len(values)


def test_it_stops_where_the_rule_says(lines: list[str]) -> None:
    for (_, patience, smoothing, min_delta), shown in zip(SETTINGS, json.loads(lines[1]), strict=True):
        expected = stopped(shown["curve"], patience, smoothing, min_delta)
        assert (shown["best"], shown["stopped"]) == expected


def test_the_loss_is_counted_against_the_true_minimum(lines: list[str]) -> None:
    truth = np.array(json.loads(lines[2]))
    pattern = r"after epoch (\d+) and keeps epoch (\d+).* epoch (\d+); the kept epoch is worse by ([\d.]+)\."
    found = re.search(pattern, lines[0])
    assert found
    first = json.loads(lines[1])[SETTINGS.index((0.05, 10, 0.0, 0.0))]
    assert first["curve"] != pytest.approx(truth)
    _, best, lowest, lost = (float(value) for value in found.groups())
    assert lowest == truth.argmin() + 1
    assert lost == pytest.approx(truth[int(best) - 1] - truth.min(), abs=6e-4)


def test_the_averages_are_those_of_two_hundred_draws(lines: list[str]) -> None:
    truth = np.array(json.loads(lines[2]))
    ends = [stopped(curve, 10, 0.0, 0.0) for curve in json.loads(lines[3])]
    found = re.search(r"stops at epoch (\d+), loses ([\d.]+) on average", lines[0])
    assert found
    assert float(found[1]) == pytest.approx(np.mean([end for _, end in ends]), abs=0.51)
    lost = np.mean([truth[best - 1] - truth.min() for best, _ in ends])
    assert float(found[2]) == pytest.approx(lost, abs=6e-4)


def test_every_control_changes_what_is_said(lines: list[str]) -> None:
    said = [lines[0], *lines[4:]]
    assert len(set(said)) == 7
    assert "the kept epoch is worse by 0.000" in said[-1]  # no noise, nothing lost
