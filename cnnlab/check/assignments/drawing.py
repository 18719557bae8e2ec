"""Cases for functions that draw: with generators and without, what each owes its caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cnnlab.check.catalogue import Call, Case
from cnnlab.check.chance import uniform, unrelated
from cnnlab.check.compare import Wrong
from cnnlab.check.draw import Draw
from cnnlab.check.watch import RANDOM_STATES

MANY = 4000  # draws that a distribution is judged by
FEW = 500  # draws by which two results are told apart

Inspect = Callable[[torch.Tensor], None]


@dataclass(frozen=True)
class Drawing:
    """A function that draws, its arguments, and how its result is judged.

    `key` reduces a result to one number per draw, which two independent draws share with probability
    `chance`; `inspect` judges one large result and may raise `Wrong`.
    """

    function: str
    args: tuple[Any, ...]
    result: str
    key: Callable[[torch.Tensor], torch.Tensor]
    chance: float
    inspect: Inspect

    def ask(self, call: Call, generators: Sequence[Any]) -> dict[str, Any]:
        """One call for each generator (None: without one); results are numbered from 1."""
        return {
            f"{self.result} {number}": call(
                self.function, *self.args, generator=generator, returns=(self.result,), replay=self.result
            )
            for number, generator in enumerate(generators, start=1)
        }

    def got(self, outputs: dict[str, Any], number: int) -> Any:
        return outputs[f"{self.result} {number}"]


def cases(many: Drawing, few: Drawing, draw: Draw, device: torch.device) -> list[Case]:
    """What is asked of every function that draws.

    `few` is the same with fewer draws, enough to tell results apart: a loop over `many` takes a while.
    """
    return [_without_generator(many), _with_generators(few, draw, device)]


def one_call(drawing: Drawing, draw: Draw, device: torch.device, title: str) -> Case:
    """One call with a generator, judged by the drawing's `inspect`."""
    seed = draw.seed()

    def run(call: Call) -> dict[str, Any]:
        return drawing.ask(call, [call.generator(seed, device)])

    return Case(title, run, inspect=lambda outputs: drawing.inspect(drawing.got(outputs, 1)))


def one_at_a_time(
    drawing: Drawing, draw: Draw, device: torch.device, together: Inspect = lambda drawn: None
) -> Case:
    """Many calls for a single draw each: what is drawn without replacement looks right only in a batch.

    The drawing's `key` must take 1 / `chance` values, all equally likely; `together` judges all the draws.
    """
    seed, calls = draw.seed(), 40

    def run(call: Call) -> dict[str, Any]:
        return drawing.ask(call, [call.generator(seed, device)] * calls)

    def inspect(outputs: dict[str, Any]) -> None:
        drawn = torch.cat([drawing.got(outputs, number) for number in range(1, calls + 1)])
        numbers = drawing.key(drawn)
        uniform(numbers, round(1 / drawing.chance), "in calls for one image each, number", lambda _: None)
        together(drawn)

    return Case(f"{calls} calls for one image each, with one generator", run, inspect=inspect)


def _without_generator(drawing: Drawing) -> Case:
    def inspect(outputs: dict[str, Any]) -> None:
        first, second = (drawing.got(outputs, number) for number in (1, 2))
        drawing.inspect(first)
        _fresh(drawing, first, second, "the draws of two calls without a generator", "fixed_seed")

    return Case(
        "two calls without a generator",
        lambda call: drawing.ask(call, [None, None]),
        inspect=inspect,
        may_change=RANDOM_STATES,
    )


def _with_generators(drawing: Drawing, draw: Draw, device: torch.device) -> Case:
    seed = draw.seed()

    def run(call: Call) -> dict[str, Any]:
        one = call.generator(seed, device)
        return drawing.ask(call, [one, one, call.generator(seed, device), call.generator(seed + 1, device)])

    def inspect(outputs: dict[str, Any]) -> None:
        first, second, again, other = (drawing.got(outputs, number) for number in (1, 2, 3, 4))
        if not torch.equal(first, again):
            raise Wrong(
                "randomness",
                "two generators with the same seed gave different draws.",
                suspect="generator_ignored",
            )
        same = "the draws of two calls with the same generator object"
        _fresh(drawing, first, second, same, "reseeds_generator")
        _fresh(drawing, first, other, "the draws of generators with different seeds", "fixed_seed")
        # The next seed is no next call.
        text = "the draws of the next call and of a generator with the next seed"
        _fresh(drawing, second, other, text, "reseeds_generator")

    return Case("generators: same seed, next call, other seed", run, inspect=inspect, draws=True)


def _fresh(drawing: Drawing, one: torch.Tensor, other: torch.Tensor, text: str, suspect: str) -> None:
    same = suspect if torch.equal(one, other) else None
    unrelated(drawing.key(one), drawing.key(other), drawing.chance, text, same)
