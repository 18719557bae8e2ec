"""Assignment 1, inverted dropout: what is asked, for how many points."""

from collections.abc import Iterator
from typing import Any

import torch

from cnnlab.check import bernoulli, chance
from cnnlab.check.catalogue import Assignment, Call, Case, Part
from cnnlab.check.compare import Wrong
from cnnlab.check.draw import Draw
from cnnlab.check.misconceptions.inverted_dropout import MISCONCEPTIONS, RIGHT
from cnnlab.check.values import Argument, Layout
from cnnlab.check.watch import RANDOM_STATES, Ban

# (shape, p, dtype, layout): vectors to volumes, mild to severe, in every layout that a network produces.
_SHAPES: tuple[tuple[tuple[int, ...], float, torch.dtype, Layout], ...] = (
    ((7, 11), 0.5, torch.float32, "contiguous"),
    ((4, 3, 6, 5), 0.1, torch.float32, "contiguous"),
    ((4, 3, 6, 5), 0.9, torch.float64, "transposed"),
    ((23,), 0.3, torch.float64, "strided"),
    ((6, 4, 5), 0.75, torch.float32, "expanded"),
    ((1, 1), 0.5, torch.float32, "contiguous"),
    ((0, 3), 0.5, torch.float32, "contiguous"),
    ((), 0.5, torch.float32, "contiguous"),
)


def _activations(draw: Draw, shape: tuple[int, ...], layout: Layout, **where: Any) -> torch.Tensor:
    """Activations as after a ReLU, about half of them exactly zero; repeated rows where it must expand."""
    x = draw.normal(*shape, **where).relu()
    return x[:1].expand_as(x).clone() if layout == "expanded" else x


def _slack(x: Argument) -> float:
    """For float64: a scale from a float32 mask / (1 − p) is right, if not to the last digit."""
    return 1e3 if x.tensor.dtype == torch.float64 else 1.0


def _forward_case(
    x: Argument, p: float, *, title: str, suspect: str | None = None, defaults: bool = False
) -> Case:
    asked: dict[str, Any] = {} if defaults else {"training": True}

    def run(call: Call) -> dict[str, Any]:
        y, mask = call("dropout_forward", x, p, returns=("y", "mask"), replay="mask", **asked)
        return {"mask": mask, "y": y}

    def inspect(outputs: dict[str, Any]) -> None:
        if 0 < p < 1 and x.tensor.numel() > 1000:
            bernoulli.rate(outputs["mask"], 1 - p)

    return Case(
        title,
        run,
        x.tensor.dtype,
        inspect,
        magnify=_slack(x),
        suspect=suspect,
        may_change=RANDOM_STATES,
    )


def _forward(draw: Draw, device: torch.device) -> Iterator[Case]:
    # One sample, so that a mask shared by the batch, which is for the next part, has the same rate.
    large, p = draw.normal(1, 24_000, dtype=torch.float32, device=device), draw.uniform(0.2, 0.4)
    yield _forward_case(Argument(large), p, title=f"training, 24,000 elements, p = {p}")
    for shape, p, dtype, layout in _SHAPES:
        x = _activations(draw, shape, layout, dtype=dtype, device=device)
        yield _forward_case(Argument(x, layout), p, title=f"training, p = {p}, half of x is exactly 0")
    # A p that is rounded somewhere on its way would drop nothing.
    yield _forward_case(Argument(large), 0.004, title="training, 24,000 elements, p = 0.004")
    some = Argument(draw.normal(5, 8, dtype=torch.float32, device=device))
    yield _forward_case(some, draw.uniform(0.2, 0.8), title="training, a random p")
    yield _forward_case(some, 0.5, title="training is the default", defaults=True)
    vast = Argument(1e60 * draw.normal(6, 7, dtype=torch.float64, device=device))
    yield _forward_case(vast, 0.3, title="training, values beyond float32")
    many = Argument(draw.normal(100, 200, dtype=torch.float32, device=device))
    yield _forward_case(many, 0.999, title="training, p = 0.999")
    yield _forward_case(some, 0.0, title="training, p = 0: nothing is dropped")
    yield _forward_case(some, 1.0, title="training, p = 1: all is dropped", suspect="p_one_divides_by_zero")


def _masks(call: Call, x: Argument, p: float, generators: list[Any]) -> dict[str, Any]:
    """One call for each generator (None: without one); results are named y1, mask1, y2, …"""
    named: dict[str, Any] = {}
    for number, generator in enumerate(generators, start=1):
        y, mask = call(
            "dropout_forward",
            x,
            p,
            training=True,
            generator=generator,
            returns=("y", "mask"),
            replay="mask",
        )
        named |= {f"mask{number}": mask, f"y{number}": y}
    return named


def _randomness(draw: Draw, device: torch.device) -> Iterator[Case]:
    yield _fresh_case(draw, device)
    yield _generator_case(draw, device)
    for p in (0.5, 0.1, 0.9):
        yield _bernoulli_case(draw, device, p, ("sample", "channel", "row", "column"), (48, 6, 14, 14))
    yield _bernoulli_case(draw, device, 0.4, ("sample", "row", "column"), (48, 36, 32))
    yield _fraction_case(draw, device)


def _bernoulli_case(
    draw: Draw, device: torch.device, p: float, axes: tuple[str, ...], shape: tuple[int, ...]
) -> Case:
    """One large mask: its rate, also where x is zero, and the independence of its elements."""
    x = Argument(draw.normal(*shape, dtype=torch.float32, device=device).relu())
    seed = draw.seed()

    def run(call: Call) -> dict[str, Any]:
        return _masks(call, x, p, [call.generator(seed, device)])

    def inspect(outputs: dict[str, Any]) -> None:
        mask = outputs["mask1"]
        bernoulli.not_shared(mask)
        zero = x.tensor == 0
        bernoulli.rate(mask[~zero], 1 - p, "where x is not 0, mask")
        bernoulli.rate(mask[zero], 1 - p, "where x is 0, mask", never="mask_from_output", always=None)
        bernoulli.independent(mask, 1 - p, axes)
        _free_count(list(mask.flatten(1)), 1 - p)

    return Case(f"training with a generator, x {shape}, p = {p}", run, torch.float32, inspect, draws=True)


def _free_count(masks: list[torch.Tensor], keep: float) -> None:
    counts = [int(mask.sum()) for mask in masks]
    chance.free_count(counts, masks[0].numel(), keep, "a mask keeps", "exact_fraction")


def _fraction_case(draw: Draw, device: torch.device) -> Case:
    x = Argument(draw.normal(8, 8, dtype=torch.float32, device=device))
    seed = draw.seed()

    def run(call: Call) -> dict[str, Any]:
        return _masks(call, x, 0.5, [call.generator(seed, device)] * 40)

    def inspect(outputs: dict[str, Any]) -> None:
        _free_count([outputs[f"mask{number}"] for number in range(1, 41)], 0.5)

    return Case("forty calls with one generator", run, torch.float32, inspect)


def _fresh_case(draw: Draw, device: torch.device) -> Case:
    x = Argument(draw.normal(32, 64, dtype=torch.float32, device=device))

    def run(call: Call) -> dict[str, Any]:
        return _masks(call, x, 0.5, [None, None, None])

    def inspect(outputs: dict[str, Any]) -> None:
        if not bool(outputs["mask1"].all()):
            bernoulli.not_shared(outputs["mask1"])
        bernoulli.rate(outputs["mask1"], 0.5)
        for one, other in ((1, 2), (2, 3), (1, 3)):
            bernoulli.fresh(
                outputs[f"mask{one}"],
                outputs[f"mask{other}"],
                0.5,
                f"calls {one} and {other}, without a generator,",
                "fixed_seed",
            )

    return Case("three calls without a generator", run, torch.float32, inspect, may_change=RANDOM_STATES)


def _generator_case(draw: Draw, device: torch.device) -> Case:
    x = Argument(draw.normal(32, 64, dtype=torch.float32, device=device))
    seed = draw.seed()

    def run(call: Call) -> dict[str, Any]:
        one = call.generator(seed, device)
        return _masks(
            call, x, 0.5, [one, one, call.generator(seed, device), call.generator(seed + 1, device)]
        )

    def inspect(outputs: dict[str, Any]) -> None:
        first, second, again, other = (outputs[f"mask{number}"] for number in (1, 2, 3, 4))
        if not torch.equal(first, again):
            raise Wrong(
                "randomness",
                "two generators with the same seed gave different masks.",
                suspect="generator_ignored",
            )
        bernoulli.independent(first, 0.5, ("sample",))
        bernoulli.fresh(first, second, 0.5, "two calls with the same generator object", "reseeds_generator")
        bernoulli.fresh(first, other, 0.5, "generators with different seeds", "fixed_seed")
        # The next seed is no next call.
        bernoulli.fresh(
            second, other, 0.5, "the next call and the generator with the next seed", "reseeds_generator"
        )

    return Case("generators: same seed, next call, other seed", run, torch.float32, inspect, draws=True)


_EVALUATIONS: tuple[tuple[float, torch.dtype, Layout], ...] = (
    (0.5, torch.float32, "contiguous"),
    (0.0, torch.float64, "contiguous"),
    (0.9, torch.float64, "transposed"),
    (1.0, torch.float32, "strided"),
    (0.1, torch.float32, "expanded"),
)


def _evaluation(draw: Draw, device: torch.device) -> Iterator[Case]:
    for p, dtype, layout in _EVALUATIONS:
        x = draw.normal(3, 4, 5, dtype=dtype, device=device)
        given = Argument(x[:1].expand_as(x).clone() if layout == "expanded" else x, layout)
        yield _evaluation_case(given, p, draw.seed(), device)


def _evaluation_case(x: Argument, p: float, seed: int, device: torch.device) -> Case:
    def run(call: Call) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for number, generator in enumerate((None, call.generator(seed, device)), start=1):
            y, mask = call(
                "dropout_forward",
                x,
                p,
                training=False,
                generator=generator,
                returns=("y", "mask"),
                replay="mask",
            )
            named |= {f"y{number}": y, f"mask{number}": mask}
        return named

    return Case(f"evaluation, p = {p}", run, x.tensor.dtype, may_change=frozenset())


def _backward(draw: Draw, device: torch.device) -> Iterator[Case]:
    for shape, p, dtype, layout in _SHAPES:
        grad_y = draw.normal(*shape, dtype=dtype, device=device)
        if layout == "expanded":
            grad_y = grad_y[:1].expand_as(grad_y).clone()
        mask = draw.mask(*shape, keep=1 - p, device=device)
        yield _backward_case(Argument(grad_y, layout), mask, p, f"training, p = {p}")
    grad_y = draw.normal(4, 6, dtype=torch.float32, device=device)
    for p in (0.0, 0.5, 1.0):
        yield _backward_case(Argument(grad_y), None, p, f"mask None (nothing was dropped), p = {p}")
    everything = torch.ones(4, 6, dtype=torch.bool, device=device)
    yield _backward_case(Argument(grad_y), everything, 0.0, "training, p = 0, all kept")
    yield _backward_case(Argument(grad_y), everything, 0.5, "training, p = 0.5, all happen to be kept")
    # A p that is rounded somewhere on its way, and one that is nearly 1.
    for p in (draw.uniform(0.2, 0.8), 0.999):
        yield _backward_case(
            Argument(grad_y), draw.mask(4, 6, keep=0.5, device=device), p, f"training, p = {p}"
        )
    vast = Argument(1e60 * draw.normal(4, 6, dtype=torch.float64, device=device))
    mask = draw.mask(4, 6, keep=0.7, device=device)
    yield _backward_case(vast, mask, 0.3, "training, gradients beyond float32")
    yield _backward_case(
        Argument(grad_y), ~everything, 1.0, "training, p = 1: all is dropped", "p_one_divides_by_zero"
    )


def _backward_case(
    grad_y: Argument, mask: torch.Tensor | None, p: float, title: str, suspect: str | None = None
) -> Case:
    given = None if mask is None else Argument(mask)

    def run(call: Call) -> dict[str, Any]:
        return {"grad_x": call("dropout_backward", grad_y, given, p, returns=("grad_x",))}

    return Case(title, run, grad_y.tensor.dtype, magnify=_slack(grad_y), suspect=suspect)


_DROPOUT = "dropout"

ASSIGNMENT = Assignment(
    name="inverted_dropout",
    read='the chapter "Dropout" of the course book',
    right=RIGHT,
    parts=(
        Part("forward", 3, ("dropout_forward",), _forward, Ban(_DROPOUT)),
        Part("randomness", 3, ("dropout_forward",), _randomness, Ban(_DROPOUT)),
        Part("evaluation", 2, ("dropout_forward",), _evaluation, Ban(_DROPOUT)),
        Part("backward", 2, ("dropout_backward",), _backward, Ban(_DROPOUT, autograd=True)),
    ),
    misconceptions=MISCONCEPTIONS,
)
