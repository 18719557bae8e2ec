"""Checks of arguments: a `ValueError` names the argument, its value and what is allowed."""

import math
from collections.abc import Sequence
from typing import NoReturn

import torch


def refuse(name: str, value: object, allowed: str) -> NoReturn:
    """Raise the one form of error that every bad argument gets."""
    raise ValueError(f"{name} is {value}; it must be {allowed}")


def describe(tensor: torch.Tensor) -> str:
    """A tensor in one phrase, for messages: "a torch.float32 tensor of shape (2, 3) on cpu"."""
    return f"a {tensor.dtype} tensor of shape {tuple(tensor.shape)} on {tensor.device}"


def real(
    name: str, value: object, low: float, high: float, allowed: str, *, below_high: bool = False
) -> float:
    """`value` as a finite float in [low, high], or in [low, high) if `below_high`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(name, repr(value), allowed)
    number = float(value)
    if not math.isfinite(number) or number < low or number > high or (below_high and number == high):
        refuse(name, repr(value), allowed)
    return number


def integer(name: str, value: object, low: int) -> int:
    """`value` as an int of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        refuse(name, repr(value), f"an int of at least {low}")
    return value


def floating(name: str, tensor: object, ndims: Sequence[int] = ()) -> torch.Tensor:
    """`tensor` if it is a floating-point tensor with one of `ndims` dimensions (any number if empty)."""
    allowed = "a floating-point tensor"
    if ndims:
        allowed += f" with {' or '.join(map(str, ndims))} dimensions"
    if not isinstance(tensor, torch.Tensor):
        refuse(name, f"of type {type(tensor).__name__}", allowed)
    if not tensor.is_floating_point() or (ndims and tensor.ndim not in ndims):
        refuse(name, describe(tensor), allowed)
    return tensor


def like(name: str, tensor: object, other: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """`tensor` if it is a floating-point tensor of `shape` on the device of `other`."""
    found = floating(name, tensor)
    if tuple(found.shape) != tuple(shape) or found.device != other.device:
        refuse(name, describe(found), f"of shape {tuple(shape)} on {other.device}")
    return found


def class_indices(name: str, targets: object, num_classes: int) -> torch.Tensor:
    """`targets` if it is an int64 vector of class indices in [0, num_classes)."""
    allowed = f"a vector of int64 class indices in [0, {num_classes})"
    if not isinstance(targets, torch.Tensor):
        refuse(name, f"of type {type(targets).__name__}", allowed)
    if targets.dtype != torch.int64 or targets.ndim != 1:
        refuse(name, describe(targets), allowed)
    if targets.numel() and (int(targets.min()) < 0 or int(targets.max()) >= num_classes):
        worst = int(targets.min()) if int(targets.min()) < 0 else int(targets.max())
        refuse(name, f"a vector that holds {worst}", allowed)
    return targets
