"""Compares one returned value with the expected one: type, shape, dtype, device, finiteness, values."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cnnlab.check.values import Foreign, Handle, show

STAGES = ("type", "shape", "dtype", "device", "finite", "values")

# Relative to the largest expected element. About 256 rounding errors of float32: a loop over a few hundred
# elements stays below it. float64 could be tighter, but truth itself is computed in float64.
TOLERANCE = {torch.float32: 3e-5, torch.float64: 1e-9}
# And so many rounding errors of every argument: where sums cancel, the result may be smaller than these.
ROUNDINGS = 16


# The six digits of a message do not show it.
SINGLE = "it is right to about seven digits, as float32 has: something on the way was not float64"


class Wrong(Exception):
    """A result that is not right: at which stage, in one sentence, with labelled details."""

    def __init__(
        self,
        stage: str,
        headline: str,
        details: Sequence[tuple[str, str]] = (),
        suspect: str | None = None,
        heat: "Heat | None" = None,
    ) -> None:
        super().__init__(headline)
        self.stage, self.headline, self.details = stage, headline, tuple(details)
        self.suspect, self.heat = suspect, heat


@dataclass(frozen=True)
class Heat:
    """Where a tensor is wrong: a slice of the errors, each relative to what is allowed."""

    title: str
    ratios: list[list[float]]


def compare(
    name: str,
    got: Any,
    expected: Any,
    stage: str,
    *,
    dtype: torch.dtype | None,
    magnify: float = 1.0,
    sensitivity: Callable[[], torch.Tensor] | None = None,
    strict: bool = True,
) -> None:
    """Raise `Wrong` if `got` differs from `expected` at this stage; earlier stages must have passed.

    Args:
        name: of the output, for messages.
        expected: computed in float64; a floating result is expected in `dtype` (None: any floating dtype).
        magnify: multiplies the allowance.
        sensitivity: how far each element moves, per relative change of the arguments; asked if one is wrong.
        strict: False when comparing with a misconception: any floating dtype will do, NaN equals NaN.
    """
    if stage == "type":
        _compare_type(name, got, expected)
    elif isinstance(expected, float) and stage in ("finite", "values"):
        got, expected = (torch.tensor(float(value), dtype=torch.float64) for value in (got, expected))
        _compare_tensor(name, got, expected, stage, None, magnify, None, strict)
    elif isinstance(expected, int) and stage == "values" and got != expected:
        raise Wrong("values", f"{name} is {show(got)}; expected {expected}.")
    elif isinstance(expected, torch.Tensor):
        _compare_tensor(name, got, expected, stage, dtype, magnify, sensitivity, strict)


def _kind(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "a tensor"
    if value is None:
        return "None"
    if isinstance(value, Handle):
        return "a handle"
    return "a float" if type(value) in (int, float) else show(value)


def _compare_type(name: str, got: Any, expected: Any) -> None:
    whole = type(expected) is not int or type(got) is int
    if isinstance(got, Foreign) or _kind(got) != _kind(expected) or not whole:
        found = show(got) if type(got) is int else _kind(got)
        wanted = "an int" if type(expected) is int else _kind(expected)
        raise Wrong("type", f"{name} is {found}; expected {wanted}.")


def _compare_tensor(
    name: str,
    got: torch.Tensor,
    expected: torch.Tensor,
    stage: str,
    dtype: torch.dtype | None,
    magnify: float,
    sensitivity: Callable[[], torch.Tensor] | None,
    strict: bool,
) -> None:
    if stage == "shape" and got.shape != expected.shape:
        raise Wrong(stage, f"{name} has shape {tuple(got.shape)}; expected {tuple(expected.shape)}.")
    if stage == "dtype":
        _compare_dtype(name, got.dtype, expected.dtype, dtype, strict)
    if stage == "device" and got.device.type != expected.device.type:
        raise Wrong(stage, f"{name} is on {got.device}; expected {expected.device}.")
    if stage == "finite" and strict and got.is_floating_point() and not bool(got.isfinite().all()):
        raise _not_finite(name, got)
    if stage == "values":
        _compare_values(name, got, expected, magnify, sensitivity, strict)


def _compare_dtype(
    name: str, got: torch.dtype, expected: torch.dtype, dtype: torch.dtype | None, strict: bool
) -> None:
    if expected.is_floating_point and (dtype is None or not strict):
        if got.is_floating_point and (got in TOLERANCE or not strict):
            return
        raise Wrong("dtype", f"{name} has dtype {got}; expected torch.float32 or torch.float64.")
    wanted = dtype if expected.is_floating_point else expected
    if got != wanted:
        raise Wrong("dtype", f"{name} has dtype {got}; expected {wanted}.")


def _not_finite(name: str, got: torch.Tensor) -> Wrong:
    bad = ~got.isfinite()
    at = tuple(bad.nonzero()[0].tolist())
    kinds = " and ".join(
        kind for kind, found in (("NaN", got.isnan().any()), ("infinity", got.isinf().any())) if found
    )
    return Wrong(
        "finite",
        f"{name} holds {kinds}.",
        [("not finite", f"{_share(bad)}; the first at {list(at)}: {float(got[at])}")],
    )


def _share(bad: torch.Tensor) -> str:
    count = int(bad.sum())
    return f"{count} of {bad.numel()} elements ({100 * count / max(bad.numel(), 1):.3g} %)"


def allowance(got: torch.Tensor, expected: torch.Tensor, magnify: float) -> tuple[float, float]:
    """The relative and absolute difference allowed between a result and its float64 truth."""
    if not got.is_floating_point():
        return 0.0, 0.0
    relative = TOLERANCE.get(got.dtype, TOLERANCE[torch.float32]) * magnify
    finite = expected[expected.isfinite()]
    largest = float(finite.abs().max()) if finite.numel() else 1.0
    return relative, relative * largest


def _compare_values(
    name: str,
    got: torch.Tensor,
    expected: torch.Tensor,
    magnify: float,
    sensitivity: Callable[[], torch.Tensor] | None,
    strict: bool,
) -> None:
    relative, absolute = allowance(got, expected, magnify)
    wide, truth = got.double(), expected.double()
    bad = ~torch.isclose(wide, truth, rtol=relative, atol=absolute, equal_nan=not strict)
    if not bool(bad.any()):
        return
    error = (wide - truth).abs().nan_to_num(math.inf, math.inf, math.inf)
    allowed = absolute + relative * truth.abs()
    if sensitivity is not None and got.is_floating_point():
        allowed += ROUNDINGS * torch.finfo(got.dtype).eps * sensitivity()
        bad &= (error > allowed) | error.isinf()
        if not bool(bad.any()):
            return
    worst = tuple(torch.unravel_index(error.argmax(), error.shape)) if error.ndim else ()
    at = tuple(int(i) for i in worst)
    off, size = float(error[at]), float(truth[at].abs())
    share = f"; relative error {off / size:.3g}" if size else ""
    details = [
        ("differs", _share(bad)),
        (
            "worst",
            f"at {list(at)}: got {_number(got[at])}, expected {_number(truth[at], got.dtype)}; "
            f"off by {off:.3g}{share}, allowed {float(allowed[at]):.3g} in {got.dtype}",
        ),
        ("first", "; ".join(_pair(got, truth, index) for index in bad.nonzero()[:5].tolist())),
    ]
    if got.dtype == torch.float64 and bool((error <= 1e-6 * truth.abs()).all()):
        details.append(("but", SINGLE))
    heat = _heat(name, (error / allowed.clamp_min(1e-300)).nan_to_num(1e9, 1e9), at)
    raise Wrong(
        "values", f"{name} has wrong values.", details if got.ndim else details[1:2] + details[3:], heat=heat
    )


def _number(value: torch.Tensor, dtype: torch.dtype | None = None) -> str:
    if (dtype or value.dtype) == torch.bool:
        return str(bool(value))
    return f"{float(value):.6g}"


def _pair(got: torch.Tensor, truth: torch.Tensor, index: list[int]) -> str:
    at = tuple(index)
    return f"{index} got {_number(got[at])}, expected {_number(truth[at], got.dtype)}"


def _heat(name: str, ratio: torch.Tensor, at: tuple[int, ...]) -> Heat | None:
    """The last two dimensions around the worst element, at most 12 × 12."""
    if ratio.ndim < 2 or not math.isfinite(float(ratio.max())):
        return None
    grid = ratio[at[:-2]] if ratio.ndim > 2 else ratio
    rows = slice(max(0, at[-2] - 11), max(0, at[-2] - 11) + 12)
    columns = slice(max(0, at[-1] - 11), max(0, at[-1] - 11) + 12)
    where = f"{name}[{', '.join([*map(str, at[:-2]), ':', ':'])}]"
    return Heat(where, grid[rows, columns].tolist())
