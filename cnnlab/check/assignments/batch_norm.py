"""Assignment 2, batch normalization: what is asked, for how many points."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from cnnlab.check.catalogue import Assignment, Call, Case, Part
from cnnlab.check.draw import Draw
from cnnlab.check.misconceptions.batch_norm import MISCONCEPTIONS, RIGHT
from cnnlab.check.values import Argument, Layout
from cnnlab.check.watch import Ban

_RETURNS = ("y", "new_running_mean", "new_running_var", "cache")


@dataclass(frozen=True)
class Setting:
    """One batch and how to normalise it; with `defaults`, by what the contract says when nothing is given."""

    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    layout: Layout = "contiguous"
    eps: float = 1e-5
    momentum: float = 0.1
    mean: float = 0.3
    std: float = 1.5
    note: str = ""
    defaults: bool = False

    @property
    def conditioning(self) -> float:
        """How much a large offset amplifies rounding: |mean| / std, with room for plain summation."""
        return max(1.0, abs(self.mean) / self.std / 10)

    def title(self, mode: str) -> str:
        return f"{mode}, x {self.shape}, eps = {self.eps:g}{', ' + self.note if self.note else ''}"


_SETTINGS = (
    Setting((8, 5)),
    Setting((4, 3, 6, 5)),
    Setting((6, 4), torch.float64, "strided", eps=2.1),  # large and not exact in float32
    Setting((4, 3, 6, 5), torch.float64, "transposed", eps=1e-3),
    Setting((3, 2, 4, 5), layout="expanded", eps=0.1, note="all samples equal"),
    Setting((4, 4), torch.float64, "transposed", eps=0.01, note="square"),
    Setting((3, 3, 3, 3), eps=0.01, note="all sizes equal"),
    Setting((1, 3, 5, 4), eps=0.01, note="a single image"),
    Setting((2, 3), torch.float64, eps=0.01, note="two samples"),
    Setting((9, 1, 2, 3), momentum=0.5, note="one channel"),
    Setting((6, 3, 2, 2), torch.float64, eps=0.0, note="no eps"),
    Setting((16, 4), std=1e-3, note="tiny spread, so eps counts"),
    Setting((5, 3, 4, 4), std=300.0, note="large spread"),
    Setting((6, 3, 1, 1), eps=0.01, note="a single pixel"),
    Setting((5, 3, 1, 4), eps=0.01, note="a single row"),
    Setting((6, 3, 2, 2), torch.float64, eps=0.0, mean=0.0, std=1e-7, note="tiny spread and no eps"),
)
# The spread is so small that eps = 1e-5 shows.
_DEFAULTS = Setting((7, 3), torch.float64, std=0.01, note="nothing but the tensors given", defaults=True)
_OFFSETS = (
    Setting((12, 6, 3, 3), mean=1e4, std=1.0, note="large offset"),
    Setting((12, 6), torch.float64, mean=1e8, std=1.0, note="large offset"),
)
_CONSTANT = Setting((6, 2), eps=0.1, note="a constant channel")
_ONE_PASS = "one_pass_variance"


@dataclass(frozen=True)
class Arguments:
    """Drawn tensors for a setting."""

    x: Argument
    gamma: Argument
    beta: Argument
    running_mean: Argument
    running_var: Argument
    grad_y: Argument


def _draw(setting: Setting, draw: Draw, device: torch.device) -> Arguments:
    where: dict[str, Any] = {"dtype": setting.dtype, "device": device}
    channels = setting.shape[1]
    x = draw.normal(*setting.shape, mean=setting.mean, std=setting.std, **where)
    if setting.layout == "expanded":
        x = x[:1].expand_as(x).clone()
    grad_y = draw.normal(*setting.shape, **where)
    gamma = draw.normal(channels, mean=1.2, std=0.7, **where)
    if channels > 1:
        gamma[0] = -gamma[0].abs()
    if channels > 2:
        gamma[1] = 0.0  # as networks often start, so nobody may divide by it
    return Arguments(
        Argument(x, setting.layout),
        Argument(gamma),
        Argument(draw.normal(channels, std=0.8, **where)),
        Argument(draw.normal(channels, mean=0.5, **where)),
        Argument(draw.normal(channels, **where).square() + 0.3),
        Argument(grad_y, "transposed" if setting.layout == "transposed" else "contiguous"),
    )


def _draw_constant(draw: Draw, device: torch.device) -> Arguments:
    given = _draw(_CONSTANT, draw, device)
    given.x.tensor[:, 0] = 2.0
    return given


def _normalise(call: Call, setting: Setting, given: Arguments, training: bool) -> Any:
    asked: dict[str, Any] = {"training": training, "momentum": setting.momentum, "eps": setting.eps}
    if setting.defaults:
        asked = {} if training else {"training": False}
    return call(
        "batch_norm_forward",
        given.x,
        given.gamma,
        given.beta,
        given.running_mean,
        given.running_var,
        **asked,
        returns=_RETURNS,
        opaque=("cache",),
    )


def _forward(draw: Draw, device: torch.device) -> Iterator[Case]:
    for setting in (*_SETTINGS, _DEFAULTS, *_OFFSETS):
        suspect = _ONE_PASS if setting in _OFFSETS else None
        yield _forward_case(setting, _draw(setting, draw, device), suspect)
    yield _forward_case(_CONSTANT, _draw_constant(draw, device), "eps_missing")


def _forward_case(setting: Setting, given: Arguments, suspect: str | None) -> Case:
    def run(call: Call) -> dict[str, Any]:
        return {"y": _normalise(call, setting, given, True)[0]}

    title = setting.title("training")
    return Case(title, run, setting.dtype, magnify=setting.conditioning, suspect=suspect)


def _running_statistics(draw: Draw, device: torch.device) -> Iterator[Case]:
    for setting, momentum in zip(_SETTINGS, (0.1, 0.1, 0.01, 0.3, 0.1, 0.9, 0.25, 0.1, 0.7), strict=False):
        changed = replace(setting, momentum=momentum, note=f"momentum = {momentum}")
        yield _running_case(changed, _draw(changed, draw, device))
    yield _running_case(_DEFAULTS, _draw(_DEFAULTS, draw, device))
    for momentum in (0.0, 1.0):
        setting = Setting((7, 3), torch.float64, momentum=momentum, note=f"momentum = {momentum}")
        yield _running_case(setting, _draw(setting, draw, device))
    for setting in _OFFSETS:
        yield _running_case(setting, _draw(setting, draw, device), _ONE_PASS)
    setting = Setting((6, 3, 2, 4), eps=0.1, momentum=0.3, note="three batches in a row, from 0 and 1")
    yield _chained_case(setting, [_draw(setting, draw, device) for _ in range(3)])


def _running_case(setting: Setting, given: Arguments, suspect: str | None = None) -> Case:
    def run(call: Call) -> dict[str, Any]:
        _, mean, var, _ = _normalise(call, setting, given, True)
        return {"new_running_mean": mean, "new_running_var": var}

    title = setting.title("training")
    return Case(title, run, setting.dtype, magnify=setting.conditioning, suspect=suspect)


def _chained_case(setting: Setting, batches: list[Arguments]) -> Case:
    def run(call: Call) -> dict[str, Any]:
        mean: Any = Argument(torch.zeros_like(batches[0].running_mean.tensor))
        var: Any = Argument(torch.ones_like(batches[0].running_var.tensor))
        for batch in batches:
            given = replace(batch, running_mean=_again(mean), running_var=_again(var))
            _, mean, var, _ = _normalise(call, setting, given, True)
        return {"new_running_mean": mean, "new_running_var": var}

    return Case(setting.title("training"), run, setting.dtype)


def _again(value: Any) -> Any:
    """A returned tensor as the argument of the next call."""
    return Argument(value) if isinstance(value, torch.Tensor) else value


def _evaluation(draw: Draw, device: torch.device) -> Iterator[Case]:
    single = (
        Setting((1, 4), eps=0.1, note="a single sample"),
        Setting((1, 3, 1, 1), torch.float64, eps=0.1, note="a single value"),
    )
    for setting in (*_SETTINGS, _DEFAULTS, *single):
        yield _evaluation_case(setting, _draw(setting, draw, device))


def _evaluation_case(setting: Setting, given: Arguments) -> Case:
    def run(call: Call) -> dict[str, Any]:
        y, mean, var, _ = _normalise(call, setting, given, False)
        return {"y": y, "new_running_mean": mean, "new_running_var": var}

    return Case(setting.title("evaluation"), run, setting.dtype)


def _backward(draw: Draw, device: torch.device) -> Iterator[Case]:
    for setting in _SETTINGS:
        # Two samples, or a tiny spread without eps, leave a gradient that is all rounding.
        if setting.shape != (2, 3) and setting.std > 0.01:
            yield _backward_case(setting, _draw(setting, draw, device))
    offset = Setting((8, 3, 3, 3), mean=3000.0, std=1.0, note="large offset")
    yield _backward_case(offset, _draw(offset, draw, device), _ONE_PASS)
    yield _backward_case(_CONSTANT, _draw_constant(draw, device), "eps_missing_in_backward")
    first = Setting((5, 4), eps=0.1)
    for shape in ((2, 4, 3, 2), (5, 4)):  # the second pass may overwrite what the first has kept by shape
        second = Setting(shape, eps=0.01)
        yield _interleaved_case(first, _draw(first, draw, device), second, _draw(second, draw, device))


def _gradients(call: Call, given: Arguments, cache: Any) -> dict[str, Any]:
    names = ("grad_x", "grad_gamma", "grad_beta")
    values = call("batch_norm_backward", given.grad_y, cache, returns=names)
    return dict(zip(names, values, strict=True))


def _backward_case(setting: Setting, given: Arguments, suspect: str | None = None) -> Case:
    def run(call: Call) -> dict[str, Any]:
        *_, cache = _normalise(call, setting, given, True)
        return _gradients(call, given, cache)

    title, magnify = setting.title("backward"), 4 * setting.conditioning
    return Case(title, run, setting.dtype, magnify=magnify, suspect=suspect)


def _interleaved_case(one: Setting, given: Arguments, two: Setting, other: Arguments) -> Case:
    """Two forward passes, then their backward passes: what a pass needs must be in its own cache."""

    def run(call: Call) -> dict[str, Any]:
        *_, first = _normalise(call, one, given, True)
        *_, second = _normalise(call, two, other, True)
        outputs: dict[str, Any] = {}
        for number, (batch, cache) in enumerate(((given, first), (other, second), (given, first)), start=1):
            outputs |= {f"{k} ({number})": v for k, v in _gradients(call, batch, cache).items()}
        return outputs

    return Case("backward of two forward passes in turn, one of them twice", run, one.dtype, magnify=4.0)


_NORMALISATION = r"batch_norm|layer_norm|group_norm|instance_norm|rms_norm|FrozenBatchNorm2d"

ASSIGNMENT = Assignment(
    name="batch_norm",
    read='the chapter "Batch normalization" of the course book',
    right=RIGHT,
    parts=(
        Part("forward", 3, ("batch_norm_forward",), _forward, Ban(_NORMALISATION)),
        Part("running_statistics", 2, ("batch_norm_forward",), _running_statistics, Ban(_NORMALISATION)),
        Part("evaluation", 2, ("batch_norm_forward",), _evaluation, Ban(_NORMALISATION)),
        Part(
            "backward",
            3,
            ("batch_norm_forward", "batch_norm_backward"),
            _backward,
            Ban(_NORMALISATION, autograd=True),
        ),
    ),
    misconceptions=MISCONCEPTIONS,
)
