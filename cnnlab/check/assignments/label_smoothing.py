"""Assignment 4, label smoothing: what is asked, for how many points."""

from collections.abc import Iterator
from typing import Any

import torch

from cnnlab.check.catalogue import Assignment, Call, Case, Part
from cnnlab.check.draw import Draw
from cnnlab.check.misconceptions.label_smoothing import MISCONCEPTIONS, RIGHT
from cnnlab.check.values import Argument, Layout
from cnnlab.check.watch import Ban


def _targets(draw: Draw, device: torch.device) -> Iterator[Case]:
    settings = ((6, 5, 0.1), (4, 4, 0.2), (5, 2, 0.3), (1, 10, 0.01), (7, 3, 0.0), (9, 6, 0.9))
    for samples, classes, epsilon in settings:
        yield _targets_case(draw.integers(samples, classes, device), classes, epsilon)
    low = torch.zeros(4, dtype=torch.int64, device=device)
    yield _targets_case(low, 5, draw.uniform(0.05, 0.4), "only class 0 occurs")


def _targets_case(targets: torch.Tensor, classes: int, epsilon: float, note: str = "") -> Case:
    def run(call: Call) -> dict[str, Any]:
        return {"q": call("smooth_labels", Argument(targets), classes, epsilon, returns=("q",))}

    title = f"N = {len(targets)}, K = {classes}, epsilon = {epsilon}{', ' + note if note else ''}"
    return Case(title, run, torch.float32)


# (N, K, epsilon, dtype, layout, scale of the logits)
_BATCHES: tuple[tuple[int, int, float, torch.dtype, Layout, float], ...] = (
    (6, 5, 0.1, torch.float32, "contiguous", 1.0),
    (5, 5, 0.2, torch.float64, "transposed", 1.0),
    (7, 2, 0.3, torch.float64, "contiguous", 2.0),
    (1, 10, 0.01, torch.float32, "contiguous", 1.0),
    (8, 3, 0.0, torch.float32, "strided", 1.5),
    (4, 6, 0.8, torch.float64, "expanded", 1.0),
    (9, 4, 0.15, torch.float32, "contiguous", 5.0),
)


def _batches(draw: Draw, device: torch.device) -> Iterator[tuple[Argument, torch.Tensor, float, str]]:
    """Logits, targets, epsilon, and a note that is empty for ordinary logits."""
    for samples, classes, epsilon, dtype, layout, scale in _BATCHES:
        logits = draw.normal(samples, classes, std=scale, dtype=dtype, device=device)
        if layout == "expanded":
            logits = logits[:1].expand_as(logits).clone()
        yield Argument(logits, layout), draw.integers(samples, classes, device), epsilon, ""
    for dtype in (torch.float32, torch.float64):
        signs = draw.normal(6, 4, dtype=dtype, device=device).sign()
        signs[0] = torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=dtype)
        signs[1] = -1.0  # its largest is not that of the batch, and not its largest in absolute value
        targets = draw.integers(6, 4, device)
        targets[0] = 1
        for epsilon in (0.1, 0.0):
            yield Argument(1e4 * signs), targets, epsilon, "logits of ±10,000"
    lifted = draw.normal(5, 4, dtype=torch.float64, device=device) + 1e6
    yield Argument(lifted), draw.integers(5, 4, device), 0.1, "logits near 1,000,000"
    spread = draw.normal(6, 4, std=40.0, dtype=torch.float32, device=device)
    spread[:, 0] = 200.0
    yield Argument(spread), torch.arange(6, device=device) % 3 + 1, 0.1, "confident mistakes"


def _loss(draw: Draw, device: torch.device) -> Iterator[Case]:
    for logits, targets, epsilon, note in _batches(draw, device):
        yield _loss_case(logits, targets, epsilon, note)
    lifted = draw.normal(5, 4, dtype=torch.float32, device=device) + 1000.0
    targets = draw.integers(5, 4, device)
    # Logits near 1000 carry rounding errors of up to 6e-5 each in float32.
    yield _loss_case(Argument(lifted), targets, 0.1, "logits near 1,000", magnify=30.0)


def _title(logits: Argument, epsilon: float, note: str) -> str:
    samples, classes = logits.tensor.shape
    return f"N = {samples}, K = {classes}, epsilon = {epsilon}{', ' + note if note else ''}"


def _slack(logits: Argument) -> float:
    """For float64: targets from `smooth_labels` are float32, and so right to about seven digits."""
    return 1e3 if logits.tensor.dtype == torch.float64 else 1.0


def _loss_case(
    logits: Argument, targets: torch.Tensor, epsilon: float, note: str, magnify: float = 1.0
) -> Case:
    def run(call: Call) -> dict[str, Any]:
        loss = call("label_smoothing_loss", logits, Argument(targets), epsilon, returns=("loss",))
        return {"loss": loss}

    suspect = "log_of_softmax" if note else None
    title = _title(logits, epsilon, note)
    return Case(title, run, logits.tensor.dtype, magnify=magnify * _slack(logits), suspect=suspect)


def _gradient(draw: Draw, device: torch.device) -> Iterator[Case]:
    for logits, targets, epsilon, note in _batches(draw, device):
        yield _gradient_case(logits, targets, epsilon, note)


def _gradient_case(logits: Argument, targets: torch.Tensor, epsilon: float, note: str) -> Case:
    def run(call: Call) -> dict[str, Any]:
        gradient = call("label_smoothing_grad", logits, Argument(targets), epsilon, returns=("grad",))
        return {"grad": gradient}

    # exp(z − logsumexp(z)) is a right softmax, though z near 10,000 has only three digits after the point.
    magnify = max(_slack(logits), float(logits.tensor.abs().max()) / 100)
    return Case(_title(logits, epsilon, note), run, logits.tensor.dtype, magnify=magnify)


def _pytorch_epsilon(draw: Draw, device: torch.device) -> Iterator[Case]:
    pairs = [(0.1, 10), (0.1, 2), (0.0, 5), (0.3, 3), (0.01, 1000), (0.9, 4)]
    for epsilon, classes in (*pairs, (draw.uniform(0.01, 0.5), draw.integer(3, 50))):
        yield _epsilon_case(epsilon, classes)


def _epsilon_case(epsilon: float, classes: int) -> Case:
    def run(call: Call) -> dict[str, Any]:
        return {"epsilon": call("pytorch_epsilon", epsilon, classes, returns=("epsilon",))}

    return Case(f"epsilon = {epsilon}, K = {classes}", run)


_CROSS_ENTROPY = "cross_entropy|CrossEntropy"

ASSIGNMENT = Assignment(
    name="label_smoothing",
    read='the chapter "Label smoothing" of the course book',
    right=RIGHT,
    parts=(
        Part("targets", 3, ("smooth_labels",), _targets, Ban(_CROSS_ENTROPY)),
        Part("loss", 3, ("label_smoothing_loss",), _loss, Ban(_CROSS_ENTROPY)),
        Part("gradient", 2, ("label_smoothing_grad",), _gradient, Ban(_CROSS_ENTROPY, autograd=True)),
        Part("pytorch_epsilon", 2, ("pytorch_epsilon",), _pytorch_epsilon, Ban(_CROSS_ENTROPY)),
    ),
    misconceptions=MISCONCEPTIONS,
)
