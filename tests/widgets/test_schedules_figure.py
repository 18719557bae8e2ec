"""The page's schedules against those of `cnnlab.training`, and its noisy descent against theory."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from cnnlab.training import schedule
from cnnlab.widgets.schedules import NAMES, ScheduleExplorer

OPTIONS: dict[str, dict[str, Any]] = {
    "constant": {},
    "step": {"every": 7, "gamma": 0.3},
    "exponential": {"decay": 0.3},
    "inverse": {"decay": 0.3},
    "root": {"total": 30},
    "cosine": {"total": 30},
    "cyclic": {"period": 7, "low": 0.1},
    "restarts": {"cycle": 7},
}
USE = """
const settings = { total: 30, warmup: 0, period: 7, decay: 0.3 };
for (const warmup of [0, 4]) print(NAMES.map((name) => module.rates(name, 0.5, { ...settings, warmup })));
print(module.rates("cosine", 0.5, { ...settings, total: 12 }));
const flat = Array(3000).fill(0.4);
print(module.descend(flat, 0).slice(-1000).reduce((a, b) => a + b, 0) / 1000);
print(words());
for (const name of NAMES) { move("schedule", name); print(words()); }
move("schedule", "cosine");
move("total length", 60);
print(words());
move("schedule", "step");
move("decay", 0.5);
print(words());
move("period", 3);
print(words());
move("warm-up", 5);
print(words());
move("initial rate", 9);
print(words());
press("Other noise");
print(words());
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(ScheduleExplorer(), USE.replace("NAMES", json.dumps(NAMES)))


@pytest.mark.parametrize("warmup", [0, 4])
def test_the_rates_are_those_of_the_package(lines: list[str], warmup: int) -> None:
    for name, rates in zip(NAMES, json.loads(lines[warmup // 4]), strict=True):
        expected = schedule(name, warmup=warmup, by_step=True, **OPTIONS[name]).rates(0.5, 30, steps=10)
        assert rates == pytest.approx(expected, abs=1e-12), name


def test_a_total_that_is_too_short_stays_where_it_ended(lines: list[str]) -> None:
    expected = schedule("cosine", total=12, by_step=True).rates(0.5, 30, steps=10)
    assert json.loads(lines[2]) == pytest.approx(expected, abs=1e-12)
    assert expected[-1] == 0


def test_the_floor_of_a_constant_rate_is_that_of_theory(lines: list[str]) -> None:
    """In the long run the variance of θ is α σ²/(λ (2 − αλ)), so the loss is ½ Σ α σ²/(2 − αλ)."""
    alpha, sigma = 0.4, 0.5
    floor = sum(0.5 * alpha * sigma**2 / (2 - alpha * curvature) for curvature in (1, 0.05))
    assert float(lines[3]) == pytest.approx(floor, rel=0.1)


def test_every_control_changes_what_is_said(lines: list[str]) -> None:
    assert len(set(lines[5:])) == len(lines[5:])
    assert lines[4] == lines[5 + NAMES.index("cosine")]
    assert "diverged" in lines[-2]
    assert "above 2" in lines[-1]
