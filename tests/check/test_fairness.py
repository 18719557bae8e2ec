"""Right answers that are a little less exact than ours keep their points."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from solved import functions_of, solution_source

from cnnlab.check import Result, grade
from cnnlab.check.catalogue import Assignment, Call, Case, Part
from cnnlab.check.compare import Wrong, compare
from cnnlab.check.draw import Draw
from cnnlab.check.judge import judge
from cnnlab.check.transport import Local
from cnnlab.check.values import Argument
from cnnlab.check.watch import Ban


def test_a_softmax_from_logsumexp() -> None:
    """At logits of ±10,000 in float32 it is right to three digits."""

    def label_smoothing_grad(logits, targets, epsilon):  # type: ignore[no-untyped-def]
        p = (logits - logits.logsumexp(1, keepdim=True)).exp()
        q = torch.full_like(p, epsilon / (p.shape[1] - 1))
        q[torch.arange(len(targets)), targets] = 1 - epsilon
        return (p - q) / len(targets)

    for seed in range(20):
        report = grade("label_smoothing", {"label_smoothing_grad": label_smoothing_grad}, seed=seed)
        assert report.results[2].passed, str(report)


def test_float32_targets_in_a_float64_loss() -> None:
    """`smooth_labels` knows no dtype, so its float32 result reaches a float64 loss."""
    functions = functions_of(solution_source("label_smoothing"), "solution")

    def label_smoothing_loss(logits, targets, epsilon):  # type: ignore[no-untyped-def]
        q = functions["smooth_labels"](targets, logits.shape[1], epsilon)
        return -(q * torch.log_softmax(logits, 1)).sum(1).mean()

    assert grade("label_smoothing", {"label_smoothing_loss": label_smoothing_loss}).results[1].passed


def test_a_float32_scale_on_float64_activations() -> None:
    def dropout_forward(x, p, training=True, generator=None):  # type: ignore[no-untyped-def]
        if not training or p == 0:
            return x, None
        mask = torch.rand(x.shape, generator=generator, device=x.device) >= p
        scale = mask.float() / (1 - p) if p < 1 else mask.float() * 0
        return x * scale, mask & (p < 1)

    def dropout_backward(grad_y, mask, p):  # type: ignore[no-untyped-def]
        if mask is None:
            return grad_y
        return grad_y * (mask.float() / (1 - p) if p < 1 else mask.float() * 0)

    functions = {"dropout_forward": dropout_forward, "dropout_backward": dropout_backward}
    assert grade("inverted_dropout", functions).passed


def _judged_sum(total: Callable[[torch.Tensor], torch.Tensor], dtype: torch.dtype) -> Result:
    """Of values that nearly cancel: what is left is as small as the rounding of the sum."""

    def cases(draw: Draw, device: torch.device) -> Iterator[Case]:
        x = draw.normal(500, dtype=dtype, device=device)
        x[-1] -= x.sum()

        def run(call: Call) -> dict[str, Any]:
            return {"sum": call("total", Argument(x), returns=("sum",))}

        yield Case("values that nearly cancel", run, dtype)

    part = Part("total", 1, ("total",), cases, Ban("nothing is banned"))
    assignment = Assignment("sums", "nowhere", {"total": torch.sum}, (part,))
    return judge(assignment, part, Local({"total": total}, part.ban), 0, torch.device("cpu"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_sum_that_cancels_may_be_rounded_differently(dtype: torch.dtype) -> None:
    """`grad_gamma` of one channel comes near zero once in some thousand gradings."""

    def one_by_one(x: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), dtype=x.dtype)
        for value in x:
            total = total + value
        return total

    assert _judged_sum(one_by_one, dtype).passed
    assert not _judged_sum(lambda x: one_by_one(x) + 1e4 * torch.finfo(dtype).eps, dtype).passed
    assert not _judged_sum(lambda x: one_by_one(x[1:]), dtype).passed


def test_infinity_is_no_matter_of_rounding() -> None:
    got, truth = torch.tensor([5.0]), torch.tensor([math.inf], dtype=torch.float64)
    with pytest.raises(Wrong):
        compare("y", got, truth, "values", dtype=torch.float32, sensitivity=lambda: torch.ones(1))


def test_lists_for_tuples_and_numpy_floats() -> None:
    functions = functions_of(solution_source("label_smoothing"), "solution")
    batch_norm = functions_of(solution_source("batch_norm"), "solution")
    forward, backward = batch_norm["batch_norm_forward"], batch_norm["batch_norm_backward"]
    as_lists = {
        "batch_norm_forward": lambda *args, **named: list(forward(*args, **named)),
        "batch_norm_backward": lambda *args: list(backward(*args)),
    }
    assert grade("batch_norm", as_lists).passed
    numpys = {
        "pytorch_epsilon": lambda *args: __import__("numpy").float64(functions["pytorch_epsilon"](*args))
    }
    assert grade("label_smoothing", numpys).results[3].passed


def test_float32_is_not_rounded_further_on_a_gpu() -> None:
    """A right solution by convolution was off by 1e-3 on an H100, where cuDNN computes in TF32 by default."""
    precise = []

    def lrn_across_channels(x, n, k, alpha, beta):  # type: ignore[no-untyped-def]
        precise.append(not torch.backends.cudnn.allow_tf32)
        return x

    before = torch.backends.cudnn.allow_tf32
    grade("local_response_norm", {"lrn_across_channels": lrn_across_channels})
    assert precise
    assert all(precise)
    assert torch.backends.cudnn.allow_tf32 == before
