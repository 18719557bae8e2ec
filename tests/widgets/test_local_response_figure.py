"""The normalised channels against the reference and PyTorch."""

import itertools
import json
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from cnnlab.reference import local_response_norm
from cnnlab.widgets.local_response import LocalResponse

CHANNELS = [4.0, 3.0, 0.5, 1.0, 2.0, 0.0, 5.0]
SETTINGS = list(
    itertools.product(range(1, 10), [(2.0, 1e-4, 0.75), (0.1, 1.0, 1.0), (1.0, 0.0, 2.0)], [False, True])
)
USE = f"""
print(words());
print({json.dumps(SETTINGS)}.map(([n, [k, alpha, beta], pytorch]) =>
  module.normalise({CHANNELS}, {{ n, k, alpha, beta, pytorch }})));
tour(["channel", 2], ["its activation", 4.5], ["window", 5], ["k", 1.5]);
tour(["α", 16], ["β", 0.5], ["α divided", true]);
press("AlexNet's constants");
print(words());
press("Worked example");
print(words());
figure.querySelectorAll("rect[fill=transparent]")[6].dispatchEvent(new Event("click"));
print(words());
move("channel", 6);
move("window", 1);
print(words());
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(LocalResponse(), USE)


def test_the_outputs_are_those_of_the_reference(lines: list[str]) -> None:
    x = torch.tensor(CHANNELS, dtype=torch.float64)[None, :, None, None]
    for (n, (k, alpha, beta), pytorch), shown in zip(SETTINGS, json.loads(lines[1]), strict=True):
        if pytorch:
            expected = F.local_response_norm(x, n, alpha, beta, k)
        else:
            expected = local_response_norm(x, n, k, alpha, beta, across="channels")
        assert shown == pytest.approx(expected.flatten().tolist(), rel=1e-12)


def test_the_worked_example(lines: list[str]) -> None:
    assert lines[0] == (
        "b₄ = 1 / (0 + 1 · (2² + 1² + 2²))^1 = 0.1111. n = 2 spans 3 values: 1 below, 1 above."
    )
    assert lines[-3] == lines[0]


def test_every_control_changes_what_is_said(lines: list[str]) -> None:
    said = [lines[0], *lines[2:-3]]
    assert len(set(said)) == 9
    assert "the border cuts it off" in said[3]
    assert "(1.5 + 10/5 · (" in said[7]
    assert "(2 + 0.0001/5 · (" in said[8]


def test_a_click_selects_a_channel(lines: list[str]) -> None:
    assert lines[-2].startswith("b₇ = 5 / ")


def test_zero_by_zero_is_said_to_be_undefined(lines: list[str]) -> None:
    assert "= undefined: it divides by zero. n = 1 spans 1 value: 0 below, 0 above." in lines[-1]
