"""Assignment 3, local response normalization: what is asked, for how many points."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from cnnlab.check.catalogue import Assignment, Call, Case, Part
from cnnlab.check.draw import Draw
from cnnlab.check.misconceptions.local_response_norm import MISCONCEPTIONS, RIGHT
from cnnlab.check.values import Argument, Layout
from cnnlab.check.watch import Ban


@dataclass(frozen=True)
class Setting:
    """One input and its constants; k, alpha and beta of None are drawn."""

    shape: tuple[int, ...]
    n: int
    k: float | None = None
    alpha: float | None = None
    beta: float | None = None
    dtype: torch.dtype = torch.float32
    layout: Layout = "contiguous"
    std: float = 1.5
    relu: bool = False
    note: str = ""


_SETTINGS = (
    Setting((2, 6, 4, 5), 3),
    Setting((2, 6, 4, 5), 2, note="even n"),
    Setting((2, 7, 5, 6), 4, dtype=torch.float64, layout="transposed", note="even n"),
    Setting((2, 7, 5, 6), 5, 2.0, 1e-4, 0.75, torch.float64, note="AlexNet's constants"),
    Setting((3, 4, 2, 5), 9, note="n larger than every size"),
    Setting((3, 5, 4, 4), 1, layout="strided", note="n = 1, the element alone"),
    Setting((3, 3, 3, 3), 3, layout="expanded", note="all samples equal"),
    Setting((1, 1, 4, 6), 3, note="one channel"),
    Setting((1, 5, 1, 1), 3, dtype=torch.float64, note="one position"),
    Setting((2, 4, 3, 5), 3, k=0.0, beta=1.0, dtype=torch.float64, note="k = 0"),
    Setting((2, 4, 3, 5), 3, k=0.0, dtype=torch.float64, std=1e-5, note="k = 0, tiny activations"),
    Setting((2, 5, 4, 3), 3, alpha=0.0, note="alpha = 0"),
    Setting((2, 5, 4, 3), 6, beta=0.5, std=30.0, note="large activations"),
    Setting((2, 6, 5, 4), 3, dtype=torch.float64, relu=True, note="half of x is exactly 0"),
)


@dataclass(frozen=True)
class _Given:
    x: Argument
    grad_y: Argument
    constants: tuple[int, float, float, float]
    title: str


def _draw(setting: Setting, draw: Draw, device: torch.device) -> _Given:
    x = draw.normal(*setting.shape, std=setting.std, dtype=setting.dtype, device=device)
    if setting.layout == "expanded":
        x = x[:1].expand_as(x).clone()
    x = x.relu() if setting.relu else x
    grad_y = draw.normal(*setting.shape, dtype=setting.dtype, device=device)
    k = draw.uniform(0.6, 2.5) if setting.k is None else setting.k
    alpha = draw.uniform(0.2, 1.8) if setting.alpha is None else setting.alpha
    beta = draw.uniform(0.6, 0.9) if setting.beta is None else setting.beta
    title = f"x {setting.shape}, n = {setting.n}{', ' + setting.note if setting.note else ''}"
    return _Given(Argument(x, setting.layout), Argument(grad_y), (setting.n, k, alpha, beta), title)


def _values(function: str) -> Callable[[Draw, torch.device], Iterator[Case]]:
    def cases(draw: Draw, device: torch.device) -> Iterator[Case]:
        yield _values_case(function, _worked_example(function, device))
        for setting in _SETTINGS:
            yield _values_case(function, _draw(setting, draw, device))

    return cases


def _worked_example(function: str, device: torch.device) -> _Given:
    """Neighbours 2, 1, 2 with n = 2, k = 0, alpha = 1, beta = 1: the middle becomes 1 / 9."""
    x = torch.tensor([2.0, 1.0, 2.0], dtype=torch.float64, device=device)
    x = x.reshape(1, 3, 1, 1) if function == "lrn_across_channels" else x.reshape(1, 1, 1, 3)
    title = "the worked example: 2, 1, 2 gives 1/9 in the middle"
    return _Given(Argument(x), Argument(torch.ones_like(x)), (2, 0.0, 1.0, 1.0), title)


def _values_case(function: str, given: _Given) -> Case:
    def run(call: Call) -> dict[str, Any]:
        return {"y": call(function, given.x, *given.constants, returns=("y",))}

    return Case(given.title, run, given.x.tensor.dtype)


def _gradients(function: str) -> Callable[[Draw, torch.device], Iterator[Case]]:
    def cases(draw: Draw, device: torch.device) -> Iterator[Case]:
        for setting in _SETTINGS:
            if setting.layout != "expanded":  # a leaf of autograd has memory of its own
                yield _gradient_case(function, _draw(setting, draw, device))

    return cases


def _gradient_case(function: str, given: _Given) -> Case:
    def run(call: Call) -> dict[str, Any]:
        gradient = call.gradient(function, given.x, *given.constants, of=0, grad_y=given.grad_y.tensor)
        return {"the gradient of x": gradient}

    return Case(given.title, run, given.x.tensor.dtype, magnify=4.0)


def _pair(name: str, function: str) -> tuple[Part, Part]:
    ban = Ban("local_response_norm|cross_map_lrn")
    return (
        Part(name, 3, (function,), _values(function), ban),
        Part(f"{name}_gradient", 2, (function,), _gradients(function), ban),
    )


ASSIGNMENT = Assignment(
    name="local_response_norm",
    read='the chapter "Local response normalization" of the course book',
    right=RIGHT,
    parts=(
        *_pair("across_channels", "lrn_across_channels"),
        *_pair("within_channel", "lrn_within_channel"),
    ),
    misconceptions=MISCONCEPTIONS,
)
