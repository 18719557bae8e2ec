"""The normalised batch and the running statistics against the reference."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch

from cnnlab.reference import batch_norm
from cnnlab.widgets.batch_norm_distribution import BatchNormDistribution

BATCHES = 6
USE = f"""
const cells = () => [...figure.querySelectorAll("tr")].slice(1).map(
  (row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent.replace("−", "-")));
const report = () => print({{ words: words(), cells: cells() }});
const batches = Array.from({{ length: {BATCHES} }}, (_, number) => module.batch(3, number, 32, 3, 2));
print(batches);
print(module.normalise(batches[0], 0.5, 2, {{ gamma: 1.5, beta: -1, epsilon: 0.1 }}));
report();
for (let i = 1; i < {BATCHES}; i++) press("Next batch");
report();
move("training", false);
report();
press("Next batch");
report();
move("training", true);
const all = [["shift", -4], ["scale", 0.1], ["batch size", 3], ["γ", 2], ["β", 1], ["ε", 9]];
for (const [name, value] of all) {{
  move(name, value);
  report();
}}
press("Next 50");
report();
press("Reset");
report();
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[Any]:
    figure = BatchNormDistribution(shift=3.0, scale=2.0, batch_size=32, seed=3)
    return [json.loads(line) for line in browse(figure, USE)]


def tensors(lines: list[Any]) -> list[torch.Tensor]:
    return [torch.tensor(values, dtype=torch.float64)[:, None] for values in lines[0]]


def one(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def test_the_batch_has_the_settings_distribution(lines: list[Any]) -> None:
    values = torch.cat(tensors(lines))
    assert values.mean().item() == pytest.approx(3, abs=4 * 2 / len(values) ** 0.5)
    assert values.std().item() == pytest.approx(2, abs=4 * 2 / (2 * len(values)) ** 0.5)


def test_training_normalises_by_the_batch_and_moves_the_running_statistics(lines: list[Any]) -> None:
    batches = tensors(lines)
    mean, var = one(0), one(1)
    for x in batches[1:]:
        y, mean, var = batch_norm(x, one(1), one(0), mean, var)
    last = batches[-1]
    expected = [
        [last.mean(), last.var(correction=0), last.var()],
        [mean, None, var],
        [y.mean(), y.var(correction=0), y.var()],
    ]
    for shown, wanted in zip(lines[3]["cells"], expected, strict=True):
        for text, value in zip(shown, wanted, strict=True):
            assert text == "" if value is None else float(text) == pytest.approx(value.item(), abs=6e-4)
    assert lines[2]["cells"][1] == ["0.000", "", "1.000"]  # nothing has been seen yet


def test_evaluation_uses_the_running_statistics_and_leaves_them(lines: list[Any]) -> None:
    batches = tensors(lines)
    mean, var = one(0), one(1)
    for x in batches[1:]:
        _, mean, var = batch_norm(x, one(1), one(0), mean, var)
    y, _, _ = batch_norm(batches[-1], one(1), one(0), mean, var, training=False)
    shown = lines[4]["cells"]
    assert shown[1] == lines[3]["cells"][1] == lines[5]["cells"][1]
    assert float(shown[2][0]) == pytest.approx(y.mean().item(), abs=6e-4)
    assert float(shown[2][1]) == pytest.approx(y.var(correction=0).item(), abs=6e-4)
    assert lines[4]["words"].startswith("Evaluation: the running statistics")


def test_scale_shift_and_epsilon_are_those_of_the_reference(lines: list[Any]) -> None:
    y, _, _ = batch_norm(tensors(lines)[0], one(1.5), one(-1), one(0.5), one(2), training=False, eps=0.1)
    assert lines[1] == pytest.approx(y.flatten().tolist(), rel=1e-12)


def test_every_control_changes_what_is_shown(lines: list[Any]) -> None:
    shown = [json.dumps(line) for line in lines[5:]]
    assert all(before != after for before, after in pairwise(shown))
    gamma, epsilon = lines[9], lines[11]
    assert float(gamma["cells"][2][1]) == pytest.approx(4, rel=0.01)  # γ = 2 is a standard deviation
    assert float(epsilon["cells"][2][1]) < 0.1  # ε = 1 is far above the variance 0.01
    assert lines[-1]["cells"][1] == ["0.000", "", "1.000"]
