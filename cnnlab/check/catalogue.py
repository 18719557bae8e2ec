"""What an assignment is made of: parts with points, cases to ask, misconceptions to recognise."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from cnnlab.check.draw import Draw
from cnnlab.check.values import Handle
from cnnlab.check.watch import GENERATOR, Ban

Functions = Mapping[str, Callable[..., Any]]


class Call(Protocol):
    """How a case calls functions, whoever's they are and wherever they run."""

    def __call__(
        self,
        function: str,
        *args: Any,
        returns: tuple[str, ...],
        opaque: tuple[str, ...] = (),
        replay: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Call `function` and give back the values named in `returns`, a tuple if there are several.

        Args:
            opaque: which of them stay with the function's owner, under a handle.
            replay: the name of a random result that trusted functions must not draw anew but take over
                from the student's answer, under a keyword of that name.
        """
        ...

    def gradient(self, function: str, *args: Any, of: int, grad_y: torch.Tensor, **kwargs: Any) -> Any:
        """The gradient of the function's result with respect to its argument number `of`, by autograd.

        If that argument is a list of tensors, a tuple with the gradient of each.
        """
        ...

    def generator(self, seed: int, device: torch.device) -> Handle | torch.Generator:
        """A seeded generator to pass to `function`."""
        ...


@dataclass(frozen=True)
class Case:
    """One thing to ask.

    `run` calls functions and names the results that are compared with the trusted ones; `inspect`, where
    a result is random, judges what was returned and may raise `Wrong`.
    """

    title: str
    run: Callable[[Call], dict[str, Any]]
    dtype: torch.dtype | None = None  # of floating results; None: any floating dtype
    inspect: Callable[[dict[str, Any]], None] | None = None
    magnify: float = 1.0  # how much the data's conditioning amplifies rounding
    suspect: str | None = None  # the misconception behind a wrong value here, if no numbers match
    may_change: frozenset[str] = frozenset((GENERATOR,))  # state that a right answer may change here
    draws: bool = False  # whether each call has to draw from its generator


@dataclass(frozen=True)
class Misconception:
    """A wrong implementation that people write, with a name.

    `functions` replace the trusted ones; they are made of the reference, so that reading them gives no
    solution away.
    """

    name: str
    title: str  # what the numbers look like: "the variance was divided by m − 1"
    why: str  # why that is wrong
    functions: Functions
    parts: tuple[str, ...]  # the parts that it fails
    read: str | None = None  # where to read on, if not where the assignment says


@dataclass(frozen=True)
class Part:
    """One check: what it asks for, of which functions, for how many points."""

    name: str
    points: int
    functions: tuple[str, ...]
    cases: Callable[[Draw, torch.device], Iterator[Case]]
    ban: Ban
    read: str | None = None  # where to read on, if not where the assignment says


@dataclass(frozen=True)
class Assignment:
    """A graded assignment."""

    name: str
    read: str  # where its mathematics is explained
    right: Functions
    parts: tuple[Part, ...]
    misconceptions: tuple[Misconception, ...] = field(default=())

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions that a student writes, in the order of the parts."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.functions))
