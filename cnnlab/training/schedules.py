"""Learning-rate schedules by name, each a formula for the share of the initial rate, run by PyTorch.

Time t is counted in epochs and is 0 at the first step. A schedule that is stepped after each epoch holds the
rate of t = 0, 1, 2, … for an epoch; with `by_step=True` t moves on by 1/steps after every step, so that the
same settings give a smooth curve through the same points.

All closed formulas go through `LambdaLR`, which computes each rate anew from the initial one: nothing adds
up, a resumed run has the same bits, and past its end a schedule stays where it ended. "plateau" is
`ReduceLROnPlateau`, which needs measurements; "stages" is `cnnlab.training.stages.Stages`.
"""

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from cnnlab.data.arguments import number, whole
from cnnlab.errors import InputError, unknown
from cnnlab.training.stages import Stages

Lengths = Iterable[int]


def constant(t: float) -> float:
    """The initial rate throughout."""
    return 1.0


def step(t: float, *, every: float = 10, gamma: float = 0.1, milestones: Lengths = ()) -> float:
    """γ^⌊t/every⌋, or γ to the number of milestones that t has reached, when some are given."""
    passed = sum(t >= milestone for milestone in milestones) if milestones else math.floor(t / every)
    return float(gamma**passed)


def exponential(t: float, *, decay: float = 0.1) -> float:
    """exp(−decay·t)."""
    return math.exp(-decay * t)


def inverse(t: float, *, decay: float = 1.0) -> float:
    """1/(1 + decay·t): 1, ½, ⅓, … for decay 1. Source: Robbins & Monro 1951, whose sums it satisfies."""
    return 1 / (1 + decay * t)


def root(t: float, *, total: float) -> float:
    """√(1 − t/T), and 0 from T on."""
    return math.sqrt(max(0.0, 1 - t / total))


def cosine(t: float, *, total: float, floor: float = 0.0) -> float:
    """floor + (1 − floor)·½(1 + cos πt/T), and floor from T on. Source: Loshchilov & Hutter 2017, eq. 5."""
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, t / total)))


def cyclic(t: float, *, period: float = 4, low: float = 0.1) -> float:
    """A triangle from low up to 1 and down again in each period. Source: Smith 2017, section 3.1."""
    return low + (1 - low) * (1 - abs(2 * ((t % period) / period) - 1))


def restarts(t: float, *, cycle: float = 10, growth: float = 1, floor: float = 0.0) -> float:
    """Half a cosine per cycle, then a jump back; each cycle is `growth` times as long as the one before.

    Source: Loshchilov & Hutter 2017, "SGDR", section 3.
    """
    if growth == 1:
        t %= cycle
    while t >= cycle:
        t, cycle = t - cycle, cycle * growth
    return cosine(t, total=cycle, floor=floor)


def warmup(t: float, *, length: float = 5, start: float = 0.1) -> float:
    """From start to 1 along a straight line, then 1. Source: Goyal et al. 2017, section 2.2."""
    return min(1.0, start + (1 - start) * t / length)


FORMULAS: dict[str, Callable[..., float]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "inverse": inverse,
    "root": root,
    "cosine": cosine,
    "cyclic": cyclic,
    "restarts": restarts,
    "warmup": warmup,
}
OTHERS: dict[str, Callable[..., LRScheduler]] = {"plateau": ReduceLROnPlateau, "stages": Stages}
KNOWN = (*FORMULAS, *OTHERS)
# (lowest, highest, whether the lowest itself is allowed), for every option that is a number.
RANGES = {
    "every": (0, math.inf, False),
    "gamma": (0, 1, False),
    "decay": (0, math.inf, True),
    "total": (0, math.inf, False),
    "floor": (0, 1, True),
    "period": (0, math.inf, False),
    "low": (0, 1, True),
    "cycle": (0, math.inf, False),
    "growth": (1, math.inf, True),
    "length": (0, math.inf, False),
    "start": (0, 1, False),
    "warmup": (0, math.inf, True),
    "threshold": (0, math.inf, True),
}
PLATEAU = {"gamma": 0.1, "patience": 10, "threshold": 1e-4}


@dataclass(frozen=True)
class Schedule:
    """A schedule by name, made by `schedule`: call it with an optimizer, or ask it for a share of the rate.

    Attributes:
        name, options: what it is.
        warmup: epochs of linear warm-up before it; its own time begins after them.
        start: the share of the rate at which the warm-up begins.
        by_step: whether `cnnlab.training.fit` moves it on after every step, not after every epoch.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    warmup: float = 0
    start: float = 0.1
    by_step: bool = False

    def __str__(self) -> str:
        options = {**self.options, "warmup": self.warmup, "start": self.start, "by_step": self.by_step}
        return f"{self.name} {options}"

    def __call__(self, optimizer: torch.optim.Optimizer, steps: int = 1) -> LRScheduler:
        """PyTorch's scheduler for an optimizer.

        Args:
            steps: how many times per epoch it is stepped.
        """
        if self.name == "plateau":
            options = dict(self.options)
            return ReduceLROnPlateau(optimizer, factor=options.pop("gamma"), **options)
        if self.name == "stages":
            return Stages(optimizer, **self.options)
        return LambdaLR(optimizer, partial(_share, schedule=self, steps=steps))

    def share(self, t: float) -> float:
        """The share of the initial rate at time t, in epochs."""
        if self.name == "plateau":
            raise InputError("the rates of 'plateau' follow from the run; they are not known before.")
        if t < self.warmup:
            return warmup(t, length=self.warmup, start=self.start)
        options = dict(self.options)
        if self.name == "stages":
            lengths = list(accumulate(options["lengths"]))[:-1]
            return float(options["gamma"] ** sum(t >= end for end in lengths))
        if "total" in options:
            options["total"] -= self.warmup
        return FORMULAS[self.name](t - self.warmup, **options)

    def rates(self, rate: float, epochs: int, steps: int = 1) -> list[float]:
        """The learning rates of a run that starts from `rate`, `steps` of them per epoch."""
        count = whole("epochs", epochs, 1) * whole("steps", steps, 1)
        return [rate * self.share(k / steps) for k in range(count)]


def schedule(
    name: str, *, warmup: float = 0, start: float = 0.1, by_step: bool = False, **options: Any
) -> Schedule:
    """A learning-rate schedule for `fit(schedule=…)`; lengths of time are in epochs.

    Args:
        name: "constant"; "step" (every=10, gamma=0.1, or milestones=(…)); "exponential" (decay=0.1);
            "inverse" (decay=1); "root" (total); "cosine" (total, floor=0); "cyclic" (period=4, low=0.1);
            "restarts" (cycle=10, growth=1, floor=0); "warmup" (length=5, start=0.1); "plateau" (gamma=0.1,
            patience=10, threshold=1e-4; watches the validation loss); "stages" (lengths, gamma=0.1,
            restart="last" or "average").
        warmup: epochs of linear warm-up in front; `total` counts them in. Not for plateau and stages.
        start: the share of the rate at which the warm-up begins, above 0 and at most 1.
        by_step: move the rate after every step and not after every epoch. Not for plateau and stages.

    Raises:
        InputError: an unknown name or option, or a value out of its range.
    """
    if name not in KNOWN:
        raise unknown("schedule", name, KNOWN)
    if name in OTHERS and (warmup or by_step):
        raise InputError(
            f"{name!r} moves at the end of an epoch only: leave out warmup= and by_step=, or take another "
            "schedule."
        )
    if name == "warmup":
        if warmup:
            raise InputError("the schedule 'warmup' is a warm-up itself: give its epochs as length=.")
        options["start"] = start
    allowed = _options(name)
    for option in options:
        if option not in allowed:
            raise unknown(f"option of {name!r}", option, allowed)
    missing = [option for option, default in allowed.items() if default is None and option not in options]
    if missing:
        raise InputError(f"the schedule {name!r} needs {missing[0]}=, in epochs.")
    options = {key: _checked(key, value) for key, value in ({**allowed, **options}).items()}
    warm = number("warmup", warmup, *RANGES["warmup"])
    if "total" in options and not warm < options["total"]:
        raise InputError(
            f"warmup is {warmup} and total is {options['total']}; the warm-up must be shorter than the total."
        )
    return Schedule(name, options, warm, number("start", start, *RANGES["start"]), bool(by_step))


def _share(k: int, schedule: Schedule, steps: int) -> float:
    return schedule.share(k / steps)


def _options(name: str) -> dict[str, Any]:
    """The options of a schedule with their defaults; None where there is no default."""
    if name == "plateau":
        return dict(PLATEAU)
    if name == "stages":
        return {"lengths": None, "gamma": 0.1, "restart": "last"}
    return {
        key: None if value.default is value.empty else value.default
        for key, value in inspect.signature(FORMULAS[name]).parameters.items()
        if key != "t"
    }


def _checked(option: str, value: Any) -> Any:
    if option in ("lengths", "milestones"):
        try:
            values = tuple(whole(f"each of {option}", item, 1) for item in value)
        except TypeError:
            raise InputError(
                f"{option} is {value!r}; it must be a list of whole numbers of epochs."
            ) from None
        if option == "lengths" and not values:
            raise InputError("lengths is empty; it must have the number of epochs of each stage.")
        if option == "milestones" and list(values) != sorted(set(values)):
            raise InputError(f"milestones is {value!r}; each must be greater than the one before.")
        return values
    if option == "restart":
        if value not in ("last", "average"):
            raise unknown("restart", value, ("last", "average"))
        return value
    if option == "patience":
        return whole(option, value, 0)
    return number(option, value, *RANGES[option])
