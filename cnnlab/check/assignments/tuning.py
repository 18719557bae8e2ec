"""Assignment 6, tuning: what is asked, for how many points."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from cnnlab.check import chance
from cnnlab.check.assignments.drawing import FEW, MANY, Drawing, cases, one_call
from cnnlab.check.catalogue import Assignment, Call, Case, Part
from cnnlab.check.compare import Wrong
from cnnlab.check.draw import Draw
from cnnlab.check.misconceptions.tuning import MISCONCEPTIONS, RIGHT, cdfs
from cnnlab.check.values import Argument, show
from cnnlab.check.watch import Ban

# Shapes of a model's parameters, and their dtype.
_MODELS: tuple[tuple[tuple[tuple[int, ...], ...], torch.dtype], ...] = (
    (((4, 3), (4,)), torch.float32),
    (((5, 2, 3, 3), (5,), (5,), (5,), (3, 20), (3,)), torch.float64),
    (((3, 2), (4, 3), (), (2, 1, 2, 1, 2)), torch.float32),  # a number, a kernel for volumes
    (((6,), (2, 6), (2, 2, 1)), torch.float64),
    (((1, 4), (4, 1), (1, 1), (1,)), torch.float64),
)


def _models(draw: Draw, device: torch.device) -> Iterator[tuple[Argument, list[Argument], float, str]]:
    """A loss, a model's parameters, a strength and what they are."""
    for shapes, dtype in _MODELS:
        parameters = [Argument(draw.normal(*shape, dtype=dtype, device=device)) for shape in shapes]
        loss = Argument(draw.normal(mean=2.0, std=0.5, dtype=dtype, device=device))
        yield loss, parameters, draw.uniform(0.05, 0.5), f"parameters of shapes {list(shapes)}"


def _penalty(draw: Draw, device: torch.device) -> Iterator[Case]:
    for loss, parameters, strength, title in _models(draw, device):
        yield _penalty_case(loss, parameters, strength, title)
        yield _penalty_case(loss, parameters, 0.0, f"{title}, strength 0")
    where: dict[str, Any] = {"dtype": torch.float32, "device": device}
    loss = Argument(draw.normal(mean=1.0, **where))
    biases = [Argument(draw.normal(size, **where)) for size in (3, 5)]
    yield _penalty_case(loss, biases, 0.3, "biases alone")
    sparse = draw.normal(4, 5, **where)
    sparse[1:3] = 0
    yield _penalty_case(loss, [Argument(sparse, "transposed"), biases[0]], 0.3, "weights that are 0")


def _penalty_case(loss: Argument, parameters: list[Argument], strength: float, title: str) -> Case:
    def run(call: Call) -> dict[str, Any]:
        return {"the loss": call("penalized_loss", loss, parameters, strength, returns=("the loss",))}

    return Case(title, run, loss.tensor.dtype)


def _penalty_gradient(draw: Draw, device: torch.device) -> Iterator[Case]:
    for loss, parameters, strength, title in _models(draw, device):
        grad_y = draw.normal(mean=1.0, std=0.2, dtype=loss.tensor.dtype, device=device)
        yield _gradient_case(loss, parameters, strength, grad_y, title)
    yield _gradient_at_zero_case(draw, device)


def _gradient_at_zero_case(draw: Draw, device: torch.device) -> Case:
    where: dict[str, Any] = {"dtype": torch.float32, "device": device}
    weights, strength = draw.normal(4, 5, **where), 0.3
    weights[1:3] = 0
    loss, one = Argument(draw.normal(mean=1.0, **where)), torch.ones((), **where)

    def run(call: Call) -> dict[str, Any]:
        (found,) = call.gradient("penalized_loss", loss, [Argument(weights)], strength, of=1, grad_y=one)
        if isinstance(found, torch.Tensor) and found.shape == weights.shape:
            # |w| lies above every line through 0 with a slope from -1 to 1.
            steepest = strength * (1 + 1e-5)
            found = torch.where(weights == 0, found - found.clamp(-steepest, steepest), found)
        return {"the gradient of parameters[0]": found}

    return Case("weights that are 0", run, torch.float32)


def _gradient_case(
    loss: Argument, parameters: list[Argument], strength: float, grad_y: torch.Tensor, title: str
) -> Case:
    def run(call: Call) -> dict[str, Any]:
        given = (loss, parameters, strength)
        found = call.gradient("penalized_loss", *given, of=1, grad_y=grad_y)
        named = {f"the gradient of parameters[{number}]": g for number, g in enumerate(found)}
        return named | {"the gradient of loss": call.gradient("penalized_loss", *given, of=0, grad_y=grad_y)}

    return Case(title, run, loss.tensor.dtype)


def _rates(call: Call, function: str, steps: Sequence[int], *args: Any, **named: Any) -> torch.Tensor:
    """The rates of some steps in one tensor, so that small ones are judged by the size of the large ones."""
    rates = []
    for step in steps:
        rate = call(function, step, *args, returns=("rate",), **named)
        if type(rate) not in (int, float):
            raise Wrong("type", f"{function} returned {show(rate)}; expected a float.")
        rates.append(float(rate))
    return torch.tensor(rates, dtype=torch.float64).float()


def _cosine(draw: Draw, device: torch.device) -> Iterator[Case]:
    peak, final = draw.uniform(0.05, 0.5), draw.uniform(0.005, 0.02)
    for total, warmup, low in (
        (12, 4, final),
        (9, 1, final),
        (11, 0, None),
        (10, 3, 0.0),
        (8, 6, final),
        (2, 0, final),
    ):
        yield _cosine_case(range(total), total, warmup, peak, low)
    total, warmup = draw.integer(900, 1100), draw.integer(50, 99)
    some = (0, 1, warmup - 1, warmup, warmup + 1, total // 2, total - 2, total - 1)
    yield _cosine_case(some, total, warmup, 1e-3, 1e-5)
    yield _cosine_case(range(11, -1, -1), 12, 4, 3e-7, None)


def _cosine_case(steps: Sequence[int], total: int, warmup: int, peak: float, final: float | None) -> Case:
    named: dict[str, Any] = {} if final is None else {"final": final}
    which = "all steps" if isinstance(steps, range) else f"steps {', '.join(map(str, steps))}"

    def run(call: Call) -> dict[str, Any]:
        return {"rates": _rates(call, "cosine_schedule", steps, total, warmup, peak, **named)}

    return Case(f"{which} of {total}, {warmup} of them warm-up", run)


def _step(draw: Draw, device: torch.device) -> Iterator[Case]:
    base = draw.uniform(0.05, 0.5)
    for every, factor in ((4, 0.5), (3, None), (1, 0.9), (5, 0.2)):
        yield _step_case(range(3 * every + 2), base, every, factor)
    every = draw.integer(20, 40)
    yield _step_case((0, every - 1, every, every + 1, 2 * every - 1, 2 * every), 0.1, every, 0.5)
    # A rate is a function of its step, whichever was asked for before.
    yield _step_case((7, 6, 3, 2, 5, 0, 19, 20), 0.1, 3, 2.0)
    yield _step_case((5, 1, 0, 4, 9, 2), 3e-7, 2, None)
    yield _step_case((9999, 4999, 5000, 0), 0.1, 5000, 0.5)


def _step_case(steps: Sequence[int], base: float, every: int, factor: float | None) -> Case:
    named: dict[str, Any] = {} if factor is None else {"factor": factor}
    which = f"steps {', '.join(map(str, steps))}"

    def run(call: Call) -> dict[str, Any]:
        return {"rates": _rates(call, "step_schedule", steps, base, every, **named)}

    return Case(f"{which}, every = {every}", run)


def _log_uniform(draw: Draw, device: torch.device) -> Iterator[Case]:
    yield from cases(_numbers(MANY, 1e-4, 1e-1), _numbers(FEW, 1e-4, 1e-1), draw, device)
    for n, low, high in (
        (MANY, 0.02, 50.0),
        (MANY, 3e-6, 2e-3),
        (MANY, 1.0, 4.0),
        (5 * MANY, 1e-5, 1e-1),
        (1, 1e-3, 1.0),
        (0, 1e-3, 1.0),
    ):
        title = f"n = {n}, low = {low:g}, high = {high:g}"
        yield one_call(_numbers(n, low, high), draw, device, title)
    yield _stratified_case(draw, device)


PLACES = 20


def _numbers(n: int, low: float, high: float) -> Drawing:
    def inspect(values: torch.Tensor) -> None:
        right, others = cdfs(low, high)
        if n >= MANY:
            if bool((values == values[0]).all()):
                raise Wrong("randomness", "all numbers are the same.", suspect="one_number_for_all")
            if len(values.unique()) < 0.95 * n:
                count = len(values.unique())
                text = f"only {count} different numbers among {n}."
                raise Wrong("randomness", text, suspect="whole_exponents")
            quarters = (right(values.double()) * 4).long().clamp(0, 3).bincount(minlength=4) / n
            shares = " %, ".join(f"{100 * share:.3g}" for share in quarters.tolist())
            text = f"{shares} % lie in the four quarters of the logarithmic scale, not 25 % in each"
            chance.distribution(
                values, right, "the numbers are not log-uniform.", [("counted", text)], others
            )
            place = (right(values.double()) * PLACES).long().clamp(0, PLACES - 1)
            chance.uniform(place, PLACES, f"of {PLACES} equal parts of the scale, part", lambda _: None)
        # A float32 power may end up a rounding error outside.
        chance.within(values.double(), low * (1 - 1e-5), high * (1 + 1e-5), "number")
        if n >= MANY:
            lower = values < math.sqrt(low * high)
            chance.no_neighbours(lower, 0.5, "halves of the scale", "evenly_spaced")

    return Drawing(
        "log_uniform", (n, low, high), "numbers", lambda v: v < math.sqrt(low * high), 0.5, inspect
    )


def _stratified_case(draw: Draw, device: torch.device) -> Case:
    drawing, seed = _numbers(64, 1e-4, 1.0), draw.seed()

    def run(call: Call) -> dict[str, Any]:
        return drawing.ask(call, [call.generator(seed, device)] * 40)

    def inspect(outputs: dict[str, Any]) -> None:
        counts = [int((drawing.got(outputs, number) < 0.01).sum()) for number in range(1, 41)]
        text = "log_uniform drew a number in the lower half of the scale"
        chance.free_count(counts, 64, 0.5, text, "evenly_spaced")

    return Case("forty calls with one generator", run, inspect=inspect)


_SCALES = (2.0**100, 2.0**-30)
# (losses, patience, min_delta): exact in binary, so that ties are ties in every order of operations.
_CURVES: tuple[tuple[list[float], int, float | None], ...] = (
    ([1.0, 0.5, 0.75, 0.625, 0.5625, 0.25, 0.125], 3, None),
    ([1.0, 0.75, 0.875, 0.5, 0.625, 0.5625, 0.375, 0.4375, 0.5, 0.25], 2, None),
    ([2.0, 1.5, 1.75, 1.625, 1.25, 1.375, 1.5, 1.3125, 1.0], 3, 0.0),
    ([1.0, 0.5, 0.5, 0.5, 0.5, 0.25], 2, None),  # ties are no improvement
    ([1.0, 0.875, 0.75, 0.6875, 0.625, 0.5, 0.25, 0.25], 2, 0.25),  # small steps add up
    ([4.0, 3.75, 3.0, 2.9375, 2.875, 2.8125, 2.75, 2.0], 4, 0.5),
    ([1.0, 0.5, 0.25], 1, None),  # ends before it stops
    ([1.0, 0.5, 0.625, 0.75], 5, None),
    ([0.5, 0.625, 0.25], 1, None),
    ([0.25, 0.5, 0.75, 1.0, 0.125], 3, 0.0),  # the first is the best
    ([3.0, 2.0, 2.5, 2.25, 2.125, 1.0], 1, 0.125),
    ([0.5], 1, None),
    ([1.0, 0.984375, 0.96875, 0.953125], 2, None),  # nothing is too small by default
    ([-1.0, -1.5, -1.25, -1.375, -2.0], 2, 0.25),  # a loss may be negative
    ([1.0, 0.5, 0.625, 0.75], 2, None),  # stops with the last epoch
    ([1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25], 3, 0.25),  # small steps add up before it stops
    ([1.0, 0.5, 0.4375, 0.625], 4, 0.125),  # the smallest loss is no improvement
    ([1.0, 0.5, 0.4375], 4, 0.125),  # nor if it is the last
    ([1.0, 0.0, 0.5, 0.25, 0.125], 2, None),  # a loss may be 0
    *(([scale * loss for loss in (2.0, 1.5, 1.75, 1.25, 1.375, 1.5, 1.0)], 2, None) for scale in _SCALES),
)


def _early_stopping(draw: Draw, device: torch.device) -> Iterator[Case]:
    for losses, patience, min_delta in _CURVES:
        yield _stopping_case(losses, patience, min_delta)
    for _ in range(6):
        steps = torch.tensor([draw.integer(-3, 2) for _ in range(draw.integer(8, 16))]).cumsum(0)
        losses = [4.0 + int(step) / 16 for step in steps]
        yield _stopping_case(losses, draw.integer(1, 4), draw.choice([0.0, 0.0625, 0.125]))


def _stopping_case(losses: list[float], patience: int, min_delta: float | None) -> Case:
    named: dict[str, Any] = {} if min_delta is None else {"min_delta": min_delta}

    def run(call: Call) -> dict[str, Any]:
        names = ("best_epoch", "stop_epoch")
        best, stop = call("early_stopping", losses, patience, returns=names, **named)
        return {"stop_epoch": stop, "best_epoch": best}

    return Case(f"{len(losses)} epochs, patience = {patience}", run)


# (low, high, place of the best value on the logarithmic scale from 0 to 1, margin)
_RANGES: tuple[tuple[float, float, float, float | None], ...] = (
    (1e-4, 1e-1, 0.04, None),
    (1e-4, 1e-1, 0.97, None),
    (1e-5, 1.0, 0.5, None),
    (1e-3, 1e2, 0.15, None),
    (1e-3, 1e2, 0.84, None),
    (1e-3, 1e2, 0.2, 0.25),
    (1e-3, 1e2, 0.8, 0.25),
    (2.0, 9.0, 0.92, None),
    (1e-3, 0.5, 0.97, None),  # the next one ends above 1
    (1e-8, 1e-3, 0.0, None),
    (1e-6, 1e-2, 1.0, None),
)


def _next_range(draw: Draw, device: torch.device) -> Iterator[Case]:
    for low, high, place, margin in _RANGES:
        yield _range_case(low, high, place, margin)
    for _ in range(4):
        low = 10 ** draw.uniform(-6, -2)
        place = draw.choice([draw.uniform(0.0, 0.09), draw.uniform(0.11, 0.89), draw.uniform(0.91, 1.0)])
        yield _range_case(low, low * 10 ** draw.uniform(1, 4), place, None)


def _range_case(low: float, high: float, place: float, margin: float | None) -> Case:
    best = min(max(low * (high / low) ** place, low), high)
    named: dict[str, Any] = {} if margin is None else {"margin": margin}

    def run(call: Call) -> dict[str, Any]:
        new = call("next_range", low, high, best, returns=("new_low", "new_high"), **named)
        return dict(zip(("new_low", "new_high"), new, strict=True))

    # Logarithms and powers may be taken in float32, as the schedules may.
    return Case(f"the best value at {place:.3g} of the way", run, magnify=3e4)


_SCHEDULES = 'the chapter "Schedules and restarts" of the course book'
_SCHEDULER = r"get_lr|closed_form_lr|Annealing|LRScheduler"

ASSIGNMENT = Assignment(
    name="tuning",
    read='the chapter "Searching hyperparameters" of the course book',
    right=RIGHT,
    parts=(
        *(
            Part(
                name,
                1,
                ("penalized_loss",),
                asked,
                Ban("l1_loss|L1Loss"),
                'the chapter "Weight penalties" of the course book',
            )
            for name, asked in (("penalty", _penalty), ("penalty_gradient", _penalty_gradient))
        ),
        Part("cosine", 2, ("cosine_schedule",), _cosine, Ban(_SCHEDULER), _SCHEDULES),
        Part("step", 1, ("step_schedule",), _step, Ban(_SCHEDULER), _SCHEDULES),
        Part("log_uniform", 2, ("log_uniform",), _log_uniform, Ban("log_uniform|loguniform")),
        Part(
            "early_stopping",
            2,
            ("early_stopping",),
            _early_stopping,
            Ban("early_stopping|EarlyStopping|ReduceLROnPlateau"),
            'the chapter "Early stopping and smaller networks" of the course book',
        ),
        Part("next_range", 1, ("next_range",), _next_range, Ban("next_range")),
    ),
    misconceptions=MISCONCEPTIONS,
)
