"""What passes between the judge and a student's functions: plain tensors and numbers, nothing else.

A case is written once, for every transport: what a function receives is an `Argument`, a number or a list
of these, and what it gives back is a plain value. A value that only the student understands stays with the
student, under a `Handle`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

LARGEST_TENSOR = 64 << 20  # bytes; no case asks for more than a few hundred
Layout = Literal["contiguous", "transposed", "strided", "expanded"]


class Malformed(ValueError):
    """Bytes that are no answer."""


@dataclass(frozen=True)
class Argument:
    """A tensor argument and how it shall lie in memory; the values are the same in every layout."""

    tensor: torch.Tensor
    layout: Layout = "contiguous"


@dataclass(frozen=True)
class Handle:
    """A value that stays on the student's side of the transport, such as batch norm's cache."""

    key: int


@dataclass(frozen=True)
class Foreign:
    """A returned value that is neither a plain tensor nor a number; only the name of its type crosses."""

    type_name: str


def lay_out(argument: Argument) -> torch.Tensor:
    """A private copy of the argument's tensor in the layout that it asks for."""
    values = argument.tensor
    if argument.layout == "transposed":
        order = tuple(reversed(range(values.ndim)))
        return values.permute(order).clone(memory_format=torch.contiguous_format).permute(order)
    if argument.layout == "strided":
        room = values.new_zeros((*values.shape[:-1], 2 * values.shape[-1]))
        room[..., ::2] = values
        return room[..., ::2]
    if argument.layout == "expanded":  # the case draws values that repeat along the first dimension
        return values[:1].clone().expand_as(values)
    return values.clone()


def plain(value: object) -> Any:
    """`value` as plain data: a detached copy of an exact dense tensor, a number or None, else `Foreign`."""
    if type(value) is torch.Tensor:
        if value.layout is not torch.strided or value.device.type == "meta" or value.is_quantized:
            return Foreign(f"torch.Tensor with layout {value.layout} on {value.device}")
        # By the class, since any method may have been given to this very tensor.
        size = torch.Tensor.numel(value) * torch.Tensor.element_size(value)
        if size > LARGEST_TENSOR:  # one element may pretend to be many
            return Foreign(f"torch.Tensor of shape {tuple(value.shape)}")
        return torch.Tensor.detach(value).clone()
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, float):  # numpy.float64 and other subclasses, by their number
        return float.__add__(value, 0.0)
    if isinstance(value, np.integer):
        return int(value)
    return Foreign(type(value).__qualname__)


def show(value: object) -> str:
    """A value in one phrase, for messages."""
    match value:
        case Argument(tensor, layout):
            dtype = str(tensor.dtype).removeprefix("torch.")
            where = "" if tensor.device.type == "cpu" else f" on {tensor.device}"
            how = "" if layout == "contiguous" else f", {layout}"
            return f"<{dtype} {tuple(tensor.shape)}{where}{how}>"
        case Handle():
            return "<as returned>"
        case Foreign(type_name):
            return f"a {type_name}"
        case torch.Tensor():
            return f"a tensor of shape {tuple(value.shape)}"
        case float():
            return f"{value:.6g}"
        case list():
            return f"[{', '.join(map(show, value))}]"
        case _:
            return repr(value)


def show_call(function: str, args: Sequence[object], kwargs: dict[str, object]) -> str:
    """The call as the student would write it, tensors by dtype and shape."""
    named = [f"{name}={show(value)}" for name, value in kwargs.items()]
    return f"{function}({', '.join([*map(show, args), *named])})"
