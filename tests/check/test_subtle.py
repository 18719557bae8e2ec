"""Answers that are right until they are looked at closely, and library calls that come in by another door."""

import contextlib
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from solved import functions_of, solution_source
from torch.nn import functional as F
from torchvision.ops import FrozenBatchNorm2d

from cnnlab.check import grade
from cnnlab.check.watch import Ban, banned_calls


def test_a_layer_may_not_keep_its_numbers_for_all_layers() -> None:
    """Two forward passes before the first backward: the second must not overwrite what the first has kept."""
    kept: list[torch.Tensor] = []

    class Across(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, n, k, alpha, beta):  # type: ignore[no-untyped-def]
            ctx.constants, kept[:] = (n, k, alpha, beta), [x]
            return x * (k + alpha * windows(x.square(), n)) ** -beta

        @staticmethod
        def backward(ctx, grad_y):  # type: ignore[no-untyped-def]
            (n, k, alpha, beta), (x,) = ctx.constants, kept
            d = k + alpha * windows(x.square(), n)
            back = windows(grad_y * x * d ** (-beta - 1), n)
            return grad_y * d**-beta - 2 * alpha * beta * x * back, None, None, None, None

    forward, gradient = grade("local_response_norm", {"lrn_across_channels": Across.apply}, seed=0).results[
        :2
    ]
    assert forward.passed, forward.message
    assert not gradient.passed
    assert (
        "another call, with other numbers, must not change what this one returns or has kept"
        in gradient.message
    )


def test_a_backward_pass_may_not_change_the_gradient_that_it_is_given() -> None:
    def backward(grad_y: Any, x: Any, d: Any, n: int, alpha: float, beta: float) -> Any:
        straight = grad_y * d**-beta
        grad_y.mul_(x * d ** (-beta - 1))
        return straight - 2 * alpha * beta * x * windows(grad_y, n)

    results = grade("local_response_norm", {"lrn_across_channels": across(backward)}, seed=0).results
    assert results[0].passed, results[0].message
    assert "changed the gradient that it was given" in results[1].message


def test_a_backward_pass_takes_a_gradient_in_any_layout() -> None:
    def backward(grad_y: Any, x: Any, d: Any, n: int, alpha: float, beta: float) -> Any:
        grad_y = grad_y.view(-1).view(x.shape)
        back = windows(grad_y * x * d ** (-beta - 1), n)
        return grad_y * d**-beta - 2 * alpha * beta * x * back

    results = grade("local_response_norm", {"lrn_across_channels": across(backward)}, seed=0).results
    assert results[0].passed, results[0].message
    assert "view size is not compatible" in results[1].message


def across(back: Callable[..., Any]) -> Callable[..., Any]:
    """The layer with a backward pass of one's own."""

    class Across(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, n, k, alpha, beta):  # type: ignore[no-untyped-def]
            ctx.save_for_backward(x)
            ctx.constants = (n, k, alpha, beta)
            return x * (k + alpha * windows(x.square(), n)) ** -beta

        @staticmethod
        def backward(ctx, grad_y):  # type: ignore[no-untyped-def]
            (n, k, alpha, beta), (x,) = ctx.constants, ctx.saved_tensors
            d = k + alpha * windows(x.square(), n)
            return back(grad_y, x, d, n, alpha, beta), None, None, None, None

    return Across.apply


def windows(t: torch.Tensor, n: int) -> torch.Tensor:
    """Sums over windows of channels."""
    r = n // 2
    return torch.stack([t[:, max(0, i - r) : i + r + 1].sum(1) for i in range(t.shape[1])], 1)


def test_a_gradient_at_zero_is_a_number() -> None:
    def lrn_across_channels(x, n, k, alpha, beta):  # type: ignore[no-untyped-def]
        squares = torch.exp(2 * torch.log(x.abs()))
        return torch.sign(x) * x.abs() * (k + alpha * windows(squares, n)) ** -beta

    results = grade("local_response_norm", {"lrn_across_channels": lrn_across_channels}, seed=0).results
    assert not results[1].passed


def test_what_runs_when_a_result_is_read_is_watched() -> None:
    right = functions_of(solution_source("batch_norm"), "solution")["batch_norm_forward"]

    class Later(tuple):  # type: ignore[type-arg]
        def __iter__(self):  # type: ignore[no-untyped-def]
            y, *rest = tuple.__iter__(self)
            return iter((F.batch_norm(y, None, None, training=True), *rest))

    found = grade("batch_norm", {"batch_norm_forward": lambda *a, **k: Later(right(*a, **k))}, seed=0)
    assert found.results[0].passed  # its own results, and nothing of the library's was used

    def patched(*args, **kwargs):  # type: ignore[no-untyped-def]
        honest = torch.Tensor.element_size

        def element_size(self):  # type: ignore[no-untyped-def]
            torch.Tensor.element_size = honest  # type: ignore[method-assign]
            F.batch_norm(self.detach().reshape(-1, 1), None, None, training=True)
            return honest(self)

        torch.Tensor.element_size = element_size  # type: ignore[method-assign]
        return right(*args, **kwargs)

    found = grade("batch_norm", {"batch_norm_forward": patched}, seed=0)
    assert not found.results[0].passed


def test_the_engine_itself_and_decompositions_and_frozen_layers_are_noted() -> None:
    x = torch.ones(2, 3, 1, 1, requires_grad=True)
    engine = torch.autograd.Variable._execution_engine
    with banned_calls(Ban("nothing", autograd=True)) as seen:
        y = (x * x).sum()
        engine.run_backward((y,), (torch.ones_like(y),), False, False, (x,), allow_unreachable=True)
    assert seen == {"autograd"}
    with banned_calls(Ban("cross_entropy")) as seen:
        logits, targets = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
        torch.ops.aten.cross_entropy_loss.default.decompose(logits, targets)
    assert any("cross_entropy" in name for name in seen)
    with banned_calls(Ban("FrozenBatchNorm2d")) as seen:
        FrozenBatchNorm2d(3)(x)
    assert any("FrozenBatchNorm2d" in name for name in seen)
    assert sys.getprofile() is None


DROPOUT = """
def dropout_forward(x, p, training=True, generator=None):
    if not training or p == 0:
        return x.clone(), None
    mask = torch.rand(x.shape, generator=generator, device=x.device) >= p
    return torch.where(mask, x / (1 - p) if p < 1 else x, torch.zeros_like(x)), mask
"""
# What is changed in it, which part notices, and by what words.
DROPOUTS = {
    "a rate in whole percent": (">= p\n", ">= round(p, 2)\n", "forward", "nothing|keeps 100 %"),
    "a mask where nothing is dropped": ("if not training or p == 0:", "if not training:", "forward", "mask"),
    "numbers drawn in evaluation": (
        "    if not training or",
        "    torch.rand(x.shape, generator=generator) if generator else None\n    if not training or",
        "evaluation",
        "changed its generator, although there is nothing to draw",
    ),
    "rows only": ("    mask = ", "    rows = len(x)\n    mask = ", "forward", "len\\(\\) of a 0-d"),
}


def test_the_dropout_that_the_others_are_made_of_is_right() -> None:
    assert grade("inverted_dropout", defined(DROPOUT), seed=0).points >= 8


@pytest.mark.parametrize("name", DROPOUTS)
def test_a_dropout_that_is_nearly_right_is_wrong(name: str) -> None:
    old, new, part, words = DROPOUTS[name]
    assert old in DROPOUT
    results = grade("inverted_dropout", defined(DROPOUT.replace(old, new)), seed=0).results
    failed = {result.name.partition(".")[2]: result.message for result in results if not result.passed}
    assert re.search(words, failed[part]), failed


def defined(source: str) -> dict[str, Callable[..., Any]]:
    """The functions in a text."""
    names: dict[str, Any] = {}
    exec(f"import torch\n{source}", names)
    return {name: value for name, value in names.items() if callable(value)}


def test_a_watch_that_was_ended_is_noted() -> None:
    """Python takes the hook away in which the stack was too deep, and nothing is seen any more."""

    def deep() -> None:
        deep()

    with banned_calls(Ban("local_response_norm")) as seen:
        with contextlib.suppress(RecursionError):
            deep()
        F.local_response_norm(torch.ones(1, 3, 2, 2), 3)
    assert seen == {"what ended the watch over it (a stack too deep?)"}
    assert sys.getprofile() is None


def test_no_code_of_a_class_runs_in_the_watch() -> None:
    class Loud(str):
        def __str__(self) -> str:
            raise AssertionError

    class Pair(list[int]):
        __module__ = Loud("torch")

    with banned_calls(Ban("count")) as seen:
        Pair().count(1)
        F.relu(torch.ones(1))
    assert seen == set()
