"""The call that an assignment replaces is refused under every name, and nothing else is."""

import gc
import importlib
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from solved import Functions
from torch.nn.functional import batch_norm as innocent_name

from cnnlab import reference
from cnnlab.check import grade
from cnnlab.check.transport import Local
from cnnlab.check.values import plain
from cnnlab.check.watch import Ban, banned_calls, recording


def dropped(call: Callable[[torch.Tensor, float], torch.Tensor]) -> Functions:
    """A dropout that is right in value wherever no generator is asked for, by a library call."""

    def dropout_forward(x, p, training=True, generator=None):  # type: ignore[no-untyped-def]
        if not training or p == 0:
            return x, None
        mask = call(torch.ones_like(x), p) != 0
        return torch.where(mask, x / (1 - p) if p < 1 else x, torch.zeros_like(x)), mask

    return {"dropout_forward": dropout_forward}


@torch.no_grad()
def _out_of_sight(x: torch.Tensor, p: float) -> torch.Tensor:
    with torch._C.DisableTorchFunction():
        return F.dropout(x, p)


ALIASES: dict[str, Callable[[torch.Tensor, float], torch.Tensor]] = {
    "functional": lambda x, p: F.dropout(x, p),
    "module": lambda x, p: torch.nn.Dropout(p)(x),
    "torch": lambda x, p: torch.dropout(x, p, True),
    "in place": lambda x, p: torch.dropout_(x, p, True),
    "native": lambda x, p: torch.native_dropout(x, p, True)[0],
    "operator": lambda x, p: torch.ops.aten.dropout(x, p, True),
    "overload": lambda x, p: torch.ops.aten.dropout.default(x, p, True),
    "getattr": lambda x, p: getattr(F, "drop" + "out")(x, p),
    "import by string": lambda x, p: vars(importlib.import_module("torch.nn." + "functional"))["dropout"](
        x, p
    ),
    "alpha dropout": lambda x, p: F.alpha_dropout(x, p, True) > 0.9 * float(x.max()),
    "vmap": lambda x, p: torch.func.vmap(lambda row: F.dropout(row, p), randomness="different")(x[None])[0],
    "vmap of it alone": lambda x, p: torch.vmap(
        partial(torch.dropout, p=p, train=True), randomness="different"
    )(x[None])[0],
    "functionalized": lambda x, p: torch.func.functionalize(partial(torch.dropout, p=p, train=True))(x),
    "without torch functions": _out_of_sight,
    "the reference": lambda x, p: reference.inverted_dropout(x, p),
}


@pytest.mark.parametrize("name", ALIASES)
def test_dropout_under_another_name(name: str) -> None:
    result = grade("inverted_dropout", dropped(ALIASES[name]), seed=1).results[0]
    assert result.name == "inverted_dropout.forward"
    assert not result.passed
    if name != "alpha dropout":  # that one has other values too
        assert "gave right values, but called" in result.message


def normalised(call: Callable[..., torch.Tensor]) -> Functions:
    def batch_norm_forward(  # type: ignore[no-untyped-def]
        x, gamma, beta, running_mean, running_var, training=True, momentum=0.1, eps=1e-5
    ):
        mean, var = running_mean.clone(), running_var.clone()
        y = call(x, mean, var, gamma, beta, training, momentum, eps)
        return y, mean, var, None

    return {"batch_norm_forward": batch_norm_forward}


def _module(x, mean, var, gamma, beta, training, momentum, eps):  # type: ignore[no-untyped-def]
    layer = (torch.nn.BatchNorm1d if x.ndim == 2 else torch.nn.BatchNorm2d)(
        x.shape[1], max(eps, 1e-30), momentum
    )
    layer.to(x.dtype).train(training)
    layer.weight, layer.bias = torch.nn.Parameter(gamma), torch.nn.Parameter(beta)
    layer.running_mean, layer.running_var = mean, var
    return layer(x)


BATCH_NORMS = {
    "functional": lambda x, m, v, g, b, t, rho, eps: innocent_name(x, m, v, g, b, t, rho, max(eps, 1e-30)),
    "torch": lambda x, m, v, g, b, t, rho, eps: torch.batch_norm(x, g, b, m, v, t, rho, eps, False),
    "native": lambda x, m, v, g, b, t, rho, eps: torch.native_batch_norm(x, g, b, m, v, t, rho, eps)[0],
    "module": _module,
    "instance norm": lambda x, m, v, g, b, t, rho, eps: (
        torch.instance_norm(x.transpose(0, 1).flatten(1)[None], g, b, m, v, t, rho, eps, False)
        .reshape(x.shape[1], x.shape[0], *x.shape[2:])
        .transpose(0, 1)
    ),
    "layer norm": lambda x, m, v, g, b, t, rho, eps: (
        (
            F.layer_norm(x.transpose(0, 1).flatten(1), (x.numel() // x.shape[1],), eps=eps) * g[:, None]
            + b[:, None]
        )
        .reshape(x.shape[1], x.shape[0], *x.shape[2:])
        .transpose(0, 1)
    ),
}


@pytest.mark.parametrize("name", BATCH_NORMS)
def test_batch_norm_under_another_name(name: str) -> None:
    result = grade("batch_norm", normalised(BATCH_NORMS[name]), seed=1).results[0]
    assert "gave right values, but called" in result.message, result.message


def test_autograd_is_no_backward_pass(solution: Callable[[str], Functions]) -> None:
    right = solution("batch_norm")

    def batch_norm_forward(x, gamma, beta, *rest, **named):  # type: ignore[no-untyped-def]
        leaves = [t.detach().clone().requires_grad_() for t in (x, gamma, beta)]
        with torch.enable_grad():
            y, mean, var, _ = right["batch_norm_forward"](*leaves, *rest, **named)
        return y, mean, var, (y, leaves)

    def batch_norm_backward(grad_y, cache):  # type: ignore[no-untyped-def]
        y, leaves = cache
        return torch.autograd.grad(y, leaves, grad_y, retain_graph=True)

    given = {"batch_norm_forward": batch_norm_forward, "batch_norm_backward": batch_norm_backward}
    results = grade("batch_norm", given, seed=1).results
    assert [r.passed for r in results] == [True, True, True, False]
    assert "called autograd" in results[-1].message


def test_pytorchs_lrn_and_cross_entropy() -> None:
    def lrn_across_channels(x, n, k, alpha, beta):  # type: ignore[no-untyped-def]
        size = 2 * (n // 2) + 1
        return F.local_response_norm(x, size, alpha * size, beta, k)

    def label_smoothing_loss(logits, targets, epsilon):  # type: ignore[no-untyped-def]
        return F.cross_entropy(
            logits, reference.smooth_labels(targets, logits.shape[1], epsilon, dtype=logits.dtype)
        )

    lrn = grade("local_response_norm", {"lrn_across_channels": lrn_across_channels}).results[0]
    loss = grade("label_smoothing", {"label_smoothing_loss": label_smoothing_loss}).results[1]
    assert "right values, but called torch's local_response_norm" in lrn.message
    assert "torch's cross_entropy" in loss.message


def test_the_watch_leaves_the_library_as_it_was() -> None:
    torch.manual_seed(3)
    before = F.dropout(torch.ones(50), 0.5)
    grade("inverted_dropout", dropped(ALIASES["functional"]))
    torch.manual_seed(3)
    assert torch.equal(F.dropout(torch.ones(50), 0.5), before)


def test_functions_of_ones_own_may_have_any_name(solution: Callable[[str], Functions]) -> None:
    right = solution("batch_norm")

    def batch_norm(*args, **named):  # type: ignore[no-untyped-def]
        return right["batch_norm_forward"](*args, **named)

    given = {**right, "batch_norm_forward": batch_norm}
    assert grade("batch_norm", given).passed


def test_one_watch_serves_many_calls_and_keeps_them_apart() -> None:
    """In a thread of before, where only the recording kernels see a call; between calls nothing is noted."""
    ban, x, pool = Ban("dropout"), torch.ones(50), ThreadPoolExecutor(1)
    pool.submit(int).result()

    def elsewhere() -> None:
        pool.submit(F.dropout, x, 0.5).result()

    with recording(ban):
        with banned_calls(ban) as first:
            elsewhere()
        elsewhere()
        with banned_calls(ban) as second:
            torch.exp(x)
        with banned_calls(ban) as third:
            elsewhere()
    assert "torch's dropout" in first
    assert (second, third) == (set(), first)
    pool.shutdown()


def test_a_watch_inside_of_another_takes_nothing_from_it() -> None:
    with banned_calls(Ban("local_response_norm")) as outer:
        with banned_calls(Ban("nothing")) as inner:
            F.local_response_norm(torch.ones(1, 4, 2, 2), 3)
        assert not inner
    assert "torch's local_response_norm" in outer


def test_what_runs_when_nothing_holds_a_result_is_watched_too() -> None:
    class Kept(tuple):  # type: ignore[type-arg]
        pass

    def afterwards():  # type: ignore[no-untyped-def]
        try:
            yield
        finally:
            F.local_response_norm(torch.ones(1, 4, 2, 2), 3)

    def call(x):  # type: ignore[no-untyped-def]
        result = Kept((x * 1,))
        result.later = afterwards()  # type: ignore[attr-defined]
        next(result.later)  # type: ignore[attr-defined]
        return result

    answer = Local({"call": call}, Ban("local_response_norm")).call("call", [1.0], {})
    assert answer.banned == ["torch's local_response_norm"]


def test_an_error_that_fails_to_describe_itself_runs_nothing_after_the_watch() -> None:
    watched = []

    class Late:
        def __repr__(self) -> str:
            watched.append(sys.getprofile() is not None)
            return "late"

    class Wrap:
        def __repr__(self) -> str:
            raise RuntimeError(Late())

    def call(x):  # type: ignore[no-untyped-def]
        raise ValueError(Wrap())

    assert Local({"call": call}, Ban("nothing")).call("call", [1.0], {}).error == "RuntimeError"
    assert all(watched)


def test_nothing_is_collected_while_it_is_watched_but_at_the_end() -> None:
    """A collection may begin inside of the hook, which does not see itself, nor what runs then."""
    ended = []

    class Last:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            ended.append(sys.getprofile() is not None)
            F.local_response_norm(torch.ones(1, 4, 2, 2), 3)

    def call(x):  # type: ignore[no-untyped-def]
        Last()
        kept = [(number,) for number in range(100_000)]  # enough for many collections
        assert not ended
        return float(len(kept))

    answer = Local({"call": call}, Ban("local_response_norm")).call("call", [1.0], {})
    assert answer.error is None
    assert answer.banned == ["torch's local_response_norm"]
    assert ended == [True]
    assert gc.isenabled()


def test_a_tensor_is_read_by_its_class_and_not_by_a_method_of_its_own() -> None:
    y = torch.zeros(1)
    for method in ("detach", "clone", "numel", "element_size"):
        setattr(y, method, lambda: torch.ones(1))
    assert torch.equal(plain(y), torch.zeros(1))


class Deep(torch.autograd.Function):
    """Goes on with a job below so many backward passes."""

    @staticmethod
    def forward(ctx, z, n, job):  # type: ignore[no-untyped-def]
        ctx.n, ctx.job = n, job
        return z * 1

    @staticmethod
    def backward(ctx, g):  # type: ignore[no-untyped-def]
        with torch.enable_grad():
            if ctx.n == 0:
                ctx.job()
            else:
                z = torch.ones(1, requires_grad=True)
                torch.autograd.grad(Deep.apply(z, ctx.n - 1, ctx.job), z)
        return g, None, None


@pytest.mark.parametrize(
    ("passes", "noted"), [(3, "local_response_norm"), (70, "a thread of autograd's own")]
)
def test_backward_passes_within_each_other_hide_nothing(passes: int, noted: str) -> None:
    """The engine goes on in another thread below sixty of them, and Python has no hook there."""
    z = torch.ones(1, requires_grad=True)
    with banned_calls(Ban("local_response_norm")) as seen:
        torch.autograd.grad(
            Deep.apply(z, passes, lambda: F.local_response_norm(torch.ones(1, 4, 2, 2), 3)), z
        )
    assert any(noted in one for one in seen), seen


def test_threads_that_a_call_starts_are_watched_like_itself() -> None:
    """For what no operation of ATen's does, such as local response normalization."""
    before = threading.getprofile()
    with banned_calls(Ban("local_response_norm")) as seen:
        thread = threading.Thread(target=F.local_response_norm, args=(torch.ones(1, 4, 2, 2), 3))
        thread.start()
        thread.join()
    assert "torch's local_response_norm" in seen
    assert threading.getprofile() is before
