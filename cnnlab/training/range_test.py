"""The learning-rate range test: one short training in which the rate grows until the loss does."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnlab.data import Split
from cnnlab.data.arguments import number, whole
from cnnlab.errors import InputError
from cnnlab.training.batching import passes
from cnnlab.training.evaluation import Loss, device_of
from cnnlab.training.loop import sgd
from cnnlab.training.penalties import OptimizerFactory

STOP_AT = 2.0  # times the lowest smoothed loss, after the first tenth of the steps
MARGIN = 10.0  # the suggestion is the rate of the lowest loss divided by this. Source: fastai's lr_find
LEAST_FALL = 0.1  # of the first loss; less than that and no rate is suggested


@dataclass(frozen=True, eq=False)
class RangeTest:
    """What a range test found.

    Attributes:
        table: one row per step: step, rate, loss (of the batch), smoothed.
        lowest: the rate at which the smoothed loss was lowest; steepest: at which it fell fastest.
        diverged: the rate at which the test stopped; None when it reached the highest rate.
        suggestion: a tenth of `lowest`; None when the loss did not fall by a tenth anywhere.
        evidence: a sentence with the numbers that the suggestion rests on.
    """

    table: pd.DataFrame
    lowest: float
    steepest: float
    diverged: float | None
    suggestion: float | None
    evidence: str


def lr_range_test(
    model: nn.Module,
    train: Split,
    *,
    optimizer: OptimizerFactory = sgd,
    low: float = 1e-5,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int = 50,
    loss: Loss = F.cross_entropy,
    smoothing: float = 0.9,
    seed: int = 0,
) -> RangeTest:
    """Train for a few steps while the rate grows from `low` to `high`, by the same factor in each step.

    It stops when the smoothed loss is not finite or above twice its lowest value. Weights, buffers,
    gradients and mode of the model and the global random state are put back.

    Args:
        optimizer: receives the parameters and returns an optimizer, whose rate is then set by the test.
        steps: at least 10; as many batches are drawn, over several passes where needed.
        smoothing: the weight of the past in the exponential average of the losses, which is divided by the
            sum of its weights so that its start is not too low; from 0 to below 1.

    Returns:
        The curve and a suggestion. It is one run's, from one start: a starting point, and not an optimum.

    Source: Smith 2015/2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3 (there the
    rate grows linearly); the exponential sweep and the tenth of the minimum are fastai's.
    """
    low = number("low", low, 0, math.inf, inclusive=False)
    high = number("high", high, 0, math.inf, inclusive=False)
    if not low < high:
        raise InputError(f"low is {low} and high is {high}; low must be below high.")
    smoothing = number("smoothing", smoothing, 0, 1)
    if smoothing == 1:
        raise InputError("smoothing is 1; it must be below 1, or nothing new would count.")
    steps, batch_size = whole("steps", steps, 10), whole("batch_size", batch_size, 1)
    rates = [low * (high / low) ** (step / (steps - 1)) for step in range(steps)]
    saved, modes = copy.deepcopy(model.state_dict()), [(part, part.training) for part in model.modules()]
    gradients = [(weight, weight.grad) for weight in model.parameters()]
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            rows = _sweep(model.train(), train, optimizer, loss, rates, batch_size, smoothing, seed)
    finally:
        model.load_state_dict(saved)
        for part, mode in modes:
            part.training = mode
        for weight, gradient in gradients:
            weight.grad = gradient
    return _read(pd.DataFrame(rows), steps)


def _sweep(
    model: nn.Module,
    train: Split,
    optimizer: OptimizerFactory,
    loss: Loss,
    rates: list[float],
    batch_size: int,
    smoothing: float,
    seed: int,
) -> list[dict[str, float]]:
    for weight in model.parameters():
        weight.grad = None
    stepper, device = optimizer(model.parameters()), device_of(model)
    supply = _forever(model, train, batch_size, torch.Generator().manual_seed(seed))
    rows: list[dict[str, float]] = []
    mean, lowest = 0.0, math.inf
    for step, (rate, (images, labels)) in enumerate(zip(rates, supply, strict=False), 1):
        for group in stepper.param_groups:
            group["lr"] = rate
        stepper.zero_grad()
        value = loss(model(images.to(device)), labels.to(device))
        mean = smoothing * mean + (1 - smoothing) * value.item()
        smoothed = mean / (1 - smoothing**step)
        rows.append({"step": step, "rate": rate, "loss": value.item(), "smoothed": smoothed})
        lowest = min(lowest, smoothed)
        if not math.isfinite(smoothed) or (step > len(rates) / 10 and smoothed > STOP_AT * lowest):
            break
        value.backward()
        stepper.step()
    return rows


def _forever(
    model: nn.Module, train: Split, batch_size: int, order: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    if not len(train):
        raise InputError("the training split is empty; a range test needs at least one image.")
    while True:
        yield from passes(model, train, batch_size, order)


def _read(table: pd.DataFrame, steps: int) -> RangeTest:
    curve = table[table["smoothed"].map(math.isfinite)]
    if curve.empty:
        raise InputError(
            f"the loss is {table['loss'].iloc[0]} before the first step; look for values among the "
            "images that are not finite."
        )
    bottom = int(curve["smoothed"].argmin())
    first, least = float(curve["smoothed"].iloc[0]), float(curve["smoothed"].iloc[bottom])
    unsettled = steps // 10  # of the averages
    slopes = curve["smoothed"].diff().iloc[unsettled : bottom + 1]
    fastest = unsettled + int(slopes.argmin()) if len(slopes) else bottom
    steepest = float(curve["rate"].iloc[fastest])
    lowest = float(curve["rate"].iloc[bottom])
    stopped = len(table) < steps or len(curve) < len(table)
    diverged = float(table["rate"].iloc[-1]) if stopped else None
    found = f"the smoothed loss went from {first:.3g} to {least:.3g}, its lowest, at the rate {lowest:.2g}"
    end = (
        f"and the test stopped at {diverged:.2g}"
        if diverged
        else "and did not diverge up to the highest rate"
    )
    suggestion = lowest / MARGIN if least < (1 - LEAST_FALL) * first else None
    advice = (
        f"a tenth of that is {suggestion:.2g}"
        if suggestion
        else "it fell too little to suggest a rate: try a wider range or more steps, then check the network"
    )
    return RangeTest(table, lowest, steepest, diverged, suggestion, f"{found}, {end}; {advice}.")
