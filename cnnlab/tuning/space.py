"""What may be searched: ranges and lists of values by name, checked before anything is trained."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, cast

from cnnlab.errors import InputError

if TYPE_CHECKING:
    from optuna.trial import Trial

Value = float | int | str | bool
Params = dict[str, Value]

# Names whose plain (low, high) is drawn log-uniformly: rates and strengths, where factors count. A share of
# units that are dropped is a "rate", too, but one between 0 and 1.
_LOG = re.compile(r"(^|_)(lr|rate|eta|alpha|wd|decay|reg|strength|penalty|lambda|l1|l2|eps|epsilon)($|_)")
_NOT_LOG = re.compile(r"drop|smooth")


@dataclass(frozen=True)
class Log:
    """Log-uniform between two numbers above 0: every factor is equally likely, like `10**U(a, b)`."""

    low: float
    high: float

    def at(self, share: float) -> float:
        """The value at a share of the way from low to high."""
        return float(math.exp(math.log(self.low) + share * math.log(self.high / self.low)))

    def share(self, value: float) -> float:
        return math.log(value / self.low) / math.log(self.high / self.low)

    def suggest(self, trial: "Trial", name: str) -> float:
        return trial.suggest_float(name, self.low, self.high, log=True)


@dataclass(frozen=True)
class Uniform:
    """Uniform between two numbers."""

    low: float
    high: float

    def at(self, share: float) -> float:
        return float(self.low + share * (self.high - self.low))

    def share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def suggest(self, trial: "Trial", name: str) -> float:
        return trial.suggest_float(name, self.low, self.high)


@dataclass(frozen=True)
class Whole:
    """A whole number from low to high, both included."""

    low: int
    high: int

    def at(self, share: float) -> int:
        return round(self.low + share * (self.high - self.low))

    def share(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def suggest(self, trial: "Trial", name: str) -> int:
        return trial.suggest_int(name, self.low, self.high)


@dataclass(frozen=True, init=False)
class Choice:
    """One of some values, each a number, a text or a truth value."""

    values: tuple[Value, ...]

    def __init__(self, *values: Value) -> None:
        object.__setattr__(self, "values", values)

    def suggest(self, trial: "Trial", name: str) -> Value:
        return cast(Value, trial.suggest_categorical(name, self.values))


Range = Log | Uniform | Whole
Space = dict[str, Range | Choice]


def powers(low: float, high: float) -> Log:
    """`10**U(low, high)`: log-uniform between two powers of ten, given by their exponents."""
    for exponent in (low, high):
        if not _is_number(exponent) or not -300 <= exponent <= 300:
            raise InputError(f"an exponent of 10 is {exponent!r}; it must be a number from -300 to 300.")
    return Log(10.0**low, 10.0**high)


def checked(space: Mapping[str, object]) -> Space:
    """The space with every short form spelled out.

    Short forms: a list is a `Choice`; a tuple (low, high) is a `Log` for a rate or a strength, by its name, a
    `Whole` if both ends are whole numbers, else a `Uniform`.

    Raises:
        InputError: no names, no values, reversed, equal or infinite bounds, or bounds of a `Log` that are not
            above 0.
    """
    if not isinstance(space, Mapping) or not space:
        raise InputError(
            "the search space is empty; it maps the name of each hyperparameter to its range, for example "
            "{'lr': (1e-4, 1e-1)}."
        )
    return {str(name): _checked(str(name), item) for name, item in space.items()}


def _checked(name: str, item: object) -> Range | Choice:
    if isinstance(item, list):
        item = Choice(*item)
    elif isinstance(item, tuple) and len(item) == 2 and all(map(_is_number, item)):
        if _LOG.search(name.lower()) and not _NOT_LOG.search(name.lower()):
            item = Log(*item)
        else:
            item = Whole(*item) if all(isinstance(end, int) for end in item) else Uniform(*item)
    if isinstance(item, Choice):
        return _choice(name, item)
    if not isinstance(item, Log | Uniform | Whole):
        raise InputError(
            f"the range of {name!r} is {item!r}; it must be a tuple (low, high), a list of values, or one of "
            "Log, Uniform, Whole and Choice."
        )
    if not all(_is_number(end) for end in (item.low, item.high)):
        raise InputError(
            f"the range of {name!r} goes from {item.low!r} to {item.high!r}; both must be finite numbers."
        )
    if isinstance(item, Whole) and not all(isinstance(end, int) for end in (item.low, item.high)):
        raise InputError(
            f"the range of {name!r} goes from {item.low!r} to {item.high!r}; both must be whole numbers."
        )
    if isinstance(item, Log) and min(item.low, item.high) <= 0:
        raise InputError(
            f"the range of {name!r} goes from {item.low:g} to {item.high:g}, but is logarithmic: "
            "both ends must be above 0. Use Uniform(low, high) for an even scale, or a list of values with 0."
        )
    if item.low >= item.high:
        raise InputError(
            f"the range of {name!r} goes from {item.low:g} to {item.high:g}; the first number must "
            "be the smaller one."
        )
    return item


def _choice(name: str, item: Choice) -> Choice:
    if not item.values:
        raise InputError(f"the list of values for {name!r} is empty; give at least one.")
    for value in item.values:
        if not isinstance(value, str | bool | int | float) or value != value:
            raise InputError(
                f"{value!r} is among the values of {name!r}; each must be a number, a text, True or False."
            )
    if len(set(map(repr, item.values))) < len(item.values):
        raise InputError(f"a value of {name!r} is given twice: {list(item.values)}.")
    return item


def _is_number(value: Any) -> bool:
    return type(value) is not bool and isinstance(value, Real) and math.isfinite(value)


def grid(space: Space, levels: int) -> list[Params]:
    """Every combination: of all values of a `Choice`, and of `levels` evenly spaced ones of a range."""
    axes: list[Sequence[Value]] = []
    for item in space.values():
        if isinstance(item, Choice):
            axes.append(item.values)
        else:
            shares = [k / (levels - 1) for k in range(levels)] if levels > 1 else [0.5]
            # The very ends as they were given: computed ones may lie outside by a rounding error.
            points = [item.low if s == 0 else item.high if s == 1 else item.at(s) for s in shares]
            axes.append(list(dict.fromkeys(points)))
    return [dict(zip(space, point, strict=True)) for point in itertools.product(*axes)]


def described(space: Space) -> dict[str, list[object]]:
    """The space in a form that a database keeps, for telling two apart."""
    return {
        name: [type(item).__name__, *(item.values if isinstance(item, Choice) else (item.low, item.high))]
        for name, item in space.items()
    }
