"""The smoothed target, its loss and its best gap against the reference and PyTorch."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from cnnlab.reference import label_smoothing_loss, smooth_labels
from cnnlab.reference.label_smoothing import pytorch_epsilon
from cnnlab.widgets.label_smoothing import LabelSmoothing

GAPS = [-3.0, 0.0, 2.5, 40.0]
SETTINGS = list(itertools.product([2, 5, 20], [0.0, 0.1, 0.9], [False, True]))
USE = f"""
print(words());
print({json.dumps(SETTINGS)}.map(([classes, epsilon, pytorch]) => ({{
  ...module.target(classes, epsilon, pytorch),
  loss: {GAPS}.map((gap) => module.loss(classes, epsilon, pytorch, gap)),
  gap: epsilon ? module.bestGap(classes, epsilon, pytorch) : 0,
  best: epsilon ? module.loss(classes, epsilon, pytorch, module.bestGap(classes, epsilon, pytorch)) : 0,
  entropy: module.entropy(classes, epsilon, pytorch),
  equivalent: module.equivalent(classes, epsilon, pytorch),
}})));
tour(["classes", 10], ["ε", 0.3], ["PyTorch", true], ["ε", 0], ["PyTorch", false], ["ε", 0.95]);
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(LabelSmoothing(classes=5, epsilon=0.1), USE)


def losses(gaps: torch.Tensor, classes: int, epsilon: float, pytorch: bool) -> torch.Tensor:
    """The loss of logits whose first is `gap` above the others, for each gap."""
    logits = F.pad(gaps[:, None], (0, classes - 1))
    targets = torch.zeros(len(gaps), dtype=torch.int64)
    if pytorch:
        return F.cross_entropy(logits, targets, label_smoothing=epsilon, reduction="none")
    return torch.stack([label_smoothing_loss(row[None], targets[:1], epsilon) for row in logits])


@pytest.mark.parametrize(("number", "setting"), list(enumerate(SETTINGS)))
def test_target_loss_and_minimum(lines: list[str], number: int, setting: tuple[int, float, bool]) -> None:
    classes, epsilon, pytorch = setting
    shown: dict[str, Any] = json.loads(lines[1])[number]
    if not pytorch:
        target = smooth_labels(torch.tensor([0]), classes, epsilon, dtype=torch.float64)[0].tolist()
        assert [shown["truth"], *[shown["other"]] * (classes - 1)] == pytest.approx(target, abs=1e-15)
        assert shown["equivalent"] == pytest.approx(pytorch_epsilon(epsilon, classes))
    else:
        assert pytorch_epsilon(shown["equivalent"], classes) == pytest.approx(epsilon)
    expected = losses(torch.tensor(GAPS, dtype=torch.float64), classes, epsilon, pytorch)
    assert shown["loss"] == pytest.approx(expected.tolist(), rel=1e-12)
    if epsilon:
        gap = torch.tensor([shown["gap"]], dtype=torch.float64, requires_grad=True)
        smallest = losses(gap, classes, epsilon, pytorch).sum()
        smallest.backward()
        assert gap.grad is not None
        assert abs(gap.grad.item()) < 1e-12
        assert shown["best"] == pytest.approx(smallest.item(), rel=1e-12)
        assert shown["entropy"] == pytest.approx(smallest.item(), rel=1e-12)


def test_the_words_give_the_numbers_of_the_course(lines: list[str]) -> None:
    gap = torch.log(torch.tensor(0.9 * 4 / 0.1)).item()  # ln((1 − ε)(K − 1)/ε)
    assert "Target 0.900 for the true class and 0.025 for each other." in lines[0]
    assert "PyTorch's ε for the same target: 0.125." in lines[0]
    assert f"the gap between the logits is {gap:.3f}" in lines[0]


def test_every_control_changes_what_is_said(lines: list[str]) -> None:
    said = [lines[0], *lines[2:]]
    assert len(set(said)) == 7
    assert "grows without end" in said[4]
    assert "which PyTorch refuses" in said[6]
    assert "below the others" in said[6]
