"""Checks of arguments: an `InputError` names the argument, its value and what is allowed."""

import math
import operator
import os
from numbers import Real

import torch

from cnnlab.errors import InputError


def refused(argument: str, value: object, allowed: str) -> InputError:
    """The one form of error that every bad argument gets."""
    return InputError(f"{argument} is {value!r}; it must be {allowed}")


def whole(argument: str, value: object, low: int) -> int:
    """`value` as an int of at least `low`; NumPy's integers are welcome, bools and floats are not."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = low - 1
    if isinstance(value, bool) or number < low:
        raise refused(argument, value, f"a whole number of at least {low}")
    return number


def share(argument: str, value: object) -> float:
    """`value` as a float in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise refused(argument, value, "a number in [0, 1]")
    return float(value)


def number(argument: str, value: object, low: float, high: float, inclusive: bool = True) -> float:
    """`value` as a finite float from `low` (itself allowed if `inclusive`) to `high`, not converted."""
    fine = not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    if not fine or not (low <= float(value) <= high) or (value == low and not inclusive):  # type: ignore[arg-type]
        least = f"at least {low:g}" if inclusive else f"above {low:g}"
        most = "" if high == math.inf else f" and at most {high:g}"
        raise refused(argument, value, f"a number {least}{most}")
    return value  # type: ignore[return-value]


def folder(argument: str, value: object) -> str | None:
    """`value` as a path with ~ expanded; None and "" mean that none was given."""
    if value is not None and not isinstance(value, str | os.PathLike):
        raise refused(argument, value, "a folder, as a string or a path")
    return os.path.expanduser(value) if value else None


def device(argument: str, value: object) -> torch.device:
    """`value` as a device on which a tensor can be put."""
    try:
        return torch.empty(0, device=value).device  # type: ignore[call-overload, no-any-return]
    except (RuntimeError, AssertionError, TypeError) as error:  # which one depends on how torch was built
        reason = str(error).splitlines()[0]
        raise refused(argument, value, f"one that this machine has, for example 'cpu' ({reason})") from None
