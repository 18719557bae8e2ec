"""Wrong batch norms that people write, made of the reference with other statistics put in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F

from cnnlab import reference
from cnnlab.check.catalogue import Misconception

Tensor = torch.Tensor
_BOTH = ("forward", "evaluation")


@dataclass
class Batch:
    """The arguments of a forward pass, and the statistics of its batch."""

    x: Tensor
    gamma: Tensor
    beta: Tensor
    running_mean: Tensor
    running_var: Tensor
    training: bool = True
    momentum: float = 0.1
    eps: float = 1e-5

    @property
    def m(self) -> int:
        """The number of values that a statistic is taken over."""
        return self.x.numel() // self.x.shape[1]

    @property
    def mean(self) -> Tensor:
        return self._statistics()[0]

    @property
    def unbiased(self) -> Tensor:
        return self._statistics()[1]

    @property
    def biased(self) -> Tensor:
        return self.unbiased * ((self.m - 1) / self.m)

    def _statistics(self) -> tuple[Tensor, Tensor]:
        zero, one = torch.zeros_like(self.gamma), torch.ones_like(self.gamma)
        _, mean, unbiased = reference.batch_norm(self.x, one, zero, zero, zero, momentum=1.0)
        return mean, unbiased

    def normalise(
        self,
        mean: Tensor | float,
        var: Tensor | float,
        *,
        x: Tensor | None = None,
        gamma: Tensor | None = None,
        beta: Tensor | None = None,
        eps: float | None = None,
    ) -> Tensor:
        """γ (x − mean) / √(var + eps) + β with these statistics in place of the batch's."""
        gamma = self.gamma if gamma is None else gamma
        beta = self.beta if beta is None else beta
        x, eps = self.x if x is None else x, self.eps if eps is None else eps
        mu, sigma2 = torch.zeros_like(gamma) + mean, torch.zeros_like(gamma) + var
        y, _, _ = reference.batch_norm(x, gamma, beta, mu, sigma2, training=False, eps=eps)
        return y

    def right(self) -> tuple[Tensor, Tensor, Tensor]:
        return reference.batch_norm(
            self.x,
            self.gamma,
            self.beta,
            self.running_mean,
            self.running_var,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )

    def moved(self, old: Tensor, new: Tensor) -> Tensor:
        """The moving average, one batch on."""
        return (1 - self.momentum) * old + self.momentum * new


def _forward(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor, Batch]:
    batch = Batch(*args, **kwargs)
    return (*batch.right(), batch)


def _by_autograd(y: Callable[[Batch], Tensor], batch: Batch, grad_y: Tensor) -> tuple[Tensor, ...]:
    """The gradients of y(batch) with respect to x, gamma and beta."""
    x, gamma, beta = (t.detach().clone().requires_grad_() for t in (batch.x, batch.gamma, batch.beta))
    with torch.enable_grad():
        out = y(replace(batch, x=x, gamma=gamma, beta=beta, training=True))
        return torch.autograd.grad((out * grad_y).sum(), (x, gamma, beta), materialize_grads=True)


def _backward(grad_y: Tensor, cache: Batch) -> tuple[Tensor, ...]:
    return _by_autograd(lambda batch: batch.right()[0], cache, grad_y)


RIGHT: dict[str, Callable[..., Any]] = {
    "batch_norm_forward": _forward,
    "batch_norm_backward": _backward,
}


def _y(change: Callable[[Batch], Tensor], *, when: bool | None = True) -> Callable[..., Any]:
    """A forward pass with another y in training (when=True), in evaluation (False), or in both (None)."""

    def forward(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor, Batch]:
        batch = Batch(*args, **kwargs)
        y, mean, var = batch.right()
        if when is None or batch.training == when:
            y = change(batch)
        return y, mean, var, batch

    return forward


def _running(change: Callable[[Batch], tuple[Tensor, Tensor]], *, when: bool = True) -> Callable[..., Any]:
    """A forward pass with other running statistics in training, or in evaluation."""

    def forward(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor, Batch]:
        batch = Batch(*args, **kwargs)
        y, mean, var = batch.right()
        if batch.training == when:
            mean, var = change(batch)
        return y, mean, var, batch

    return forward


def _used(batch: Batch) -> tuple[Tensor, Tensor]:
    """The statistics that a right forward pass normalises with."""
    if batch.training:
        return batch.mean, batch.biased
    return batch.running_mean, batch.running_var


def _with_var(change: Callable[[Tensor, Batch], Tensor], eps: float | None = None) -> Callable[..., Any]:
    def y(batch: Batch) -> Tensor:
        mean, var = _used(batch)
        return batch.normalise(mean, change(var, batch), eps=eps)

    return _y(y, when=None)


def _with_affine(change: Callable[[Batch], tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    def y(batch: Batch) -> Tensor:
        gamma, beta = change(batch)
        return batch.normalise(*_used(batch), gamma=gamma, beta=beta)

    return _y(y, when=None)


def _layer_norm(batch: Batch) -> Tensor:
    normal = F.layer_norm(batch.x, batch.x.shape[1:], eps=batch.eps)
    return batch.normalise(0.0, 1.0, x=normal, eps=0.0)


def _instance_norm(batch: Batch) -> Tensor:
    if batch.x.ndim == 2:
        return batch.right()[0]
    normal = F.layer_norm(batch.x, batch.x.shape[2:], eps=batch.eps)
    return batch.normalise(0.0, 1.0, x=normal, eps=0.0)


def _per_position(batch: Batch) -> Tensor:
    flat = batch.x.flatten(1)
    one, zero = flat.new_ones(flat.shape[1]), flat.new_zeros(flat.shape[1])
    normal, _, _ = reference.batch_norm(flat, one, zero, zero, one, eps=batch.eps)
    return batch.normalise(0.0, 1.0, x=normal.reshape(batch.x.shape), eps=0.0)


def _global(batch: Batch) -> Tensor:
    return batch.normalise(batch.x.mean(), batch.x.var(unbiased=False))


def _one_pass_variance(batch: Batch) -> Tensor:
    squares = Batch(batch.x.square(), batch.gamma, batch.beta, batch.running_mean, batch.running_var)
    return batch.normalise(batch.mean, squares.mean - batch.mean.square())


def _updated_running(batch: Batch) -> Tensor:
    _, mean, var = batch.right()
    return batch.normalise(mean, var)


def _in_place(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor, Batch]:
    batch = Batch(*args, **kwargs)
    y, mean, var = batch.right()
    if batch.training:
        batch.running_mean.copy_(mean)
        batch.running_var.copy_(var)
    return y, batch.running_mean, batch.running_var, batch


def _training_ignored(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor, Batch]:
    return _forward(*args, **{**kwargs, "training": True})


def _batch_statistics(batch: Batch) -> Tensor:
    return batch.normalise(batch.mean, batch.biased)


def _moved(mean: Callable[[Batch], Tensor], var: Callable[[Batch], Tensor]) -> Callable[..., Any]:
    return _running(lambda b: (b.moved(b.running_mean, mean(b)), b.moved(b.running_var, var(b))))


def _reversed(batch: Batch) -> tuple[Tensor, Tensor]:
    keep = batch.momentum
    return (
        keep * batch.running_mean + (1 - keep) * batch.mean,
        keep * batch.running_var + (1 - keep) * batch.unbiased,
    )


def _bessel_on_batch(batch: Batch) -> Tensor:
    n = batch.x.shape[0]
    return batch.biased * (n / (n - 1) if n > 1 else float("nan"))


# Backward passes: each is the right one with a term changed. `held` is what autograd gives when the
# statistics, or one of them, count as constants.


def _held(mean: bool, var: bool) -> Callable[[Tensor, Batch], tuple[Tensor, ...]]:
    def y(batch: Batch) -> Tensor:
        axes = [0, *range(2, batch.x.ndim)]
        mu = (batch.x.detach() if mean else batch.x).mean(axes, keepdim=True)
        source = batch.x.detach() if var else batch.x
        sigma2 = source.var(axes, unbiased=False, keepdim=True)
        shape = (1, -1, *([1] * (batch.x.ndim - 2)))
        scale = (sigma2 + batch.eps).rsqrt()
        return (batch.x - mu) * scale * batch.gamma.reshape(shape) + batch.beta.reshape(shape)

    return lambda grad_y, cache: _by_autograd(y, cache, grad_y)


_constant_statistics, _constant_variance = _held(True, True), _held(False, True)


def _grad_x(change: Callable[[Tensor, Batch], Tensor]) -> Callable[..., Any]:
    """A backward pass with another gradient for x."""

    def backward(grad_y: Tensor, cache: Batch) -> tuple[Tensor, ...]:
        _, grad_gamma, grad_beta = _backward(grad_y, cache)
        return change(grad_y, cache), grad_gamma, grad_beta

    return backward


def _grad_affine(change: Callable[[Tensor, Batch, Tensor, Tensor], tuple[Any, Any]]) -> Callable[..., Any]:
    """A backward pass with other gradients for gamma and beta."""

    def backward(grad_y: Tensor, cache: Batch) -> tuple[Any, ...]:
        grad_x, grad_gamma, grad_beta = _backward(grad_y, cache)
        return grad_x, *change(grad_y, cache, grad_gamma, grad_beta)

    return backward


def _sum(values: Tensor) -> Tensor:
    return values.transpose(0, 1).flatten(1).sum(1)


def _centred(batch: Batch) -> Tensor:
    one, zero = torch.ones_like(batch.gamma), torch.zeros_like(batch.gamma)
    return batch.normalise(batch.mean, 1.0, gamma=one, beta=zero, eps=0.0)


def _normal(batch: Batch) -> Tensor:
    one, zero = torch.ones_like(batch.gamma), torch.zeros_like(batch.gamma)
    return batch.normalise(batch.mean, batch.biased, gamma=one, beta=zero)


def _statistics_over_n(grad_y: Tensor, batch: Batch) -> Tensor:
    direct = _constant_statistics(grad_y, batch)[0]
    through = _backward(grad_y, batch)[0] - direct
    return direct + through * (batch.m / batch.x.shape[0])


def _variance_sign(grad_y: Tensor, batch: Batch) -> Tensor:
    without = _constant_variance(grad_y, batch)[0]
    return 2 * without - _backward(grad_y, batch)[0]


def _unit_gamma(grad_y: Tensor, batch: Batch) -> Tensor:
    ones = Batch(batch.x, torch.ones_like(batch.gamma), batch.beta, batch.running_mean, batch.running_var)
    ones.eps = batch.eps
    return _backward(grad_y, ones)[0]


def _no_eps(grad_y: Tensor, batch: Batch) -> tuple[Tensor, ...]:
    bare = Batch(batch.x, batch.gamma, batch.beta, batch.running_mean, batch.running_var, eps=0.0)
    return _backward(grad_y, bare)


def _unbiased_backward(grad_y: Tensor, batch: Batch) -> tuple[Tensor, ...]:
    def y(inner: Batch) -> Tensor:
        ratio = (inner.m / (inner.m - 1)) ** -0.5
        scaled = Batch(inner.x, inner.gamma * ratio, inner.beta, inner.running_mean, inner.running_var)
        scaled.eps = inner.eps * (inner.m - 1) / inner.m
        return scaled.right()[0]

    return _by_autograd(y, batch, grad_y)


def _wrong(name: str, title: str, why: str, parts: tuple[str, ...], **functions: Any) -> Misconception:
    return Misconception(name, title, why, functions, parts)


MISCONCEPTIONS = (
    _wrong(
        "unbiased_variance",
        "the batch's variance was divided by m − 1 before normalising",
        "Normalising uses the biased variance (divided by m), so that the result has variance 1; only "
        "running_var holds the unbiased one.",
        ("forward",),
        batch_norm_forward=_y(lambda b: b.normalise(b.mean, b.unbiased)),
    ),
    _wrong(
        "eps_outside_root",
        "ε was added to the standard deviation instead of the variance",
        "ε stands under the root: √(σ² + ε), not √σ² + ε.",
        _BOTH,
        batch_norm_forward=_with_var(lambda var, b: (var.clamp_min(0).sqrt() + b.eps).square(), eps=0.0),
    ),
    _wrong(
        "eps_missing",
        "ε was left out",
        "Without it a channel that is constant over the batch divides by zero.",
        _BOTH,
        batch_norm_forward=_with_var(lambda var, b: var, eps=0.0),
    ),
    _wrong(
        "no_square_root",
        "the result was divided by the variance instead of its root",
        "Dividing by σ² leaves a standard deviation of 1/σ; dividing by √(σ² + ε) leaves 1.",
        _BOTH,
        batch_norm_forward=_with_var(lambda var, b: (var + b.eps).square(), eps=0.0),
    ),
    _wrong(
        "variance_not_averaged",
        "the squared deviations were summed and not averaged",
        "The variance is the mean of the squared deviations: divide by m.",
        ("forward",),
        batch_norm_forward=_y(lambda b: b.normalise(b.mean, b.biased * b.m)),
    ),
    _wrong(
        "only_centred",
        "the mean was subtracted, but nothing was divided",
        "Normalising also divides by √(σ² + ε).",
        _BOTH,
        batch_norm_forward=_with_var(lambda var, b: torch.ones_like(var), eps=0.0),
    ),
    _wrong(
        "one_pass_variance",
        "the variance lost its digits where the mean is large",
        "E[x²] − E[x]² subtracts two large, nearly equal numbers; subtract the mean first, then square.",
        ("forward",),
        batch_norm_forward=_y(_one_pass_variance),
    ),
    _wrong(
        "layer_norm",
        "the statistics were taken over each sample",
        "That is layer normalisation; batch norm's statistics belong to a channel, over the samples.",
        ("forward",),
        batch_norm_forward=_y(_layer_norm),
    ),
    _wrong(
        "instance_norm",
        "the statistics were taken over each sample's own image",
        "That is instance normalisation; batch norm also averages over the samples.",
        ("forward",),
        batch_norm_forward=_y(_instance_norm),
    ),
    _wrong(
        "statistics_per_position",
        "every pixel position got statistics of its own",
        "A channel has one mean and one variance, over N, H and W, since its weights are shared by all "
        "positions.",
        ("forward",),
        batch_norm_forward=_y(_per_position),
    ),
    _wrong(
        "one_statistic_for_all_channels",
        "one mean and variance was used for all channels",
        "Each channel has its own statistics.",
        ("forward",),
        batch_norm_forward=_y(_global),
    ),
    _wrong(
        "running_statistics_in_training",
        "the running statistics were used to normalise in training",
        "In training the batch's own statistics are used; the running ones are only updated.",
        ("forward",),
        batch_norm_forward=_y(lambda b: b.normalise(b.running_mean, b.running_var)),
    ),
    _wrong(
        "updated_statistics_in_training",
        "the updated running statistics were used to normalise in training",
        "In training the batch's own statistics are used; the running ones are only updated.",
        ("forward",),
        batch_norm_forward=_y(_updated_running),
    ),
    _wrong(
        "affine_missing",
        "γ and β were not applied",
        "The result is γ·x̂ + β; without them the layer cannot undo the normalisation.",
        _BOTH,
        batch_norm_forward=_with_affine(lambda b: (torch.ones_like(b.gamma), torch.zeros_like(b.beta))),
    ),
    _wrong(
        "beta_missing",
        "β was not added",
        "The result is γ·x̂ + β.",
        _BOTH,
        batch_norm_forward=_with_affine(lambda b: (b.gamma, torch.zeros_like(b.beta))),
    ),
    _wrong(
        "gamma_missing",
        "γ was not applied",
        "The result is γ·x̂ + β.",
        _BOTH,
        batch_norm_forward=_with_affine(lambda b: (torch.ones_like(b.gamma), b.beta)),
    ),
    _wrong(
        "gamma_beta_swapped",
        "γ and β were exchanged",
        "γ scales, β shifts: γ·x̂ + β.",
        _BOTH,
        batch_norm_forward=_with_affine(lambda b: (b.beta, b.gamma)),
    ),
    _wrong(
        "beta_before_gamma",
        "β was added before γ was applied",
        "The result is γ·x̂ + β, not γ·(x̂ + β).",
        _BOTH,
        batch_norm_forward=_with_affine(lambda b: (b.gamma, b.gamma * b.beta)),
    ),
    _wrong(
        "in_place",
        "the arguments were changed in place",
        "Return the new running statistics and leave the arguments as they were, so that a caller decides.",
        ("forward", "running_statistics"),
        batch_norm_forward=_in_place,
    ),
    _wrong(
        "biased_running_var",
        "running_var received the biased variance",
        "The running variance estimates the variance of all data, so it takes the unbiased one, "
        "σ²·m / (m − 1), as PyTorch does.",
        ("running_statistics",),
        batch_norm_forward=_moved(lambda b: b.mean, lambda b: b.biased),
    ),
    _wrong(
        "bessel_on_batch_size",
        "the unbiased variance was computed with N instead of m = N·H·W",
        "m counts the values behind a channel's statistics, pixels included.",
        ("running_statistics",),
        batch_norm_forward=_moved(lambda b: b.mean, _bessel_on_batch),
    ),
    _wrong(
        "momentum_reversed",
        "momentum was given to the old statistics instead of the new ones",
        "In PyTorch's convention r ← (1 − momentum)·r + momentum·batch, so 0.1 means slow change.",
        ("running_statistics",),
        batch_norm_forward=_running(_reversed),
    ),
    _wrong(
        "running_not_updated",
        "the running statistics were not updated",
        "Evaluation depends on them; in training they move towards the batch's statistics.",
        ("running_statistics",),
        batch_norm_forward=_running(lambda b: (b.running_mean, b.running_var)),
    ),
    _wrong(
        "running_replaced",
        "the running statistics were replaced by the batch's",
        "One batch is a noisy estimate; momentum averages over many.",
        ("running_statistics",),
        batch_norm_forward=_running(lambda b: (b.mean, b.unbiased)),
    ),
    _wrong(
        "running_not_decayed",
        "the batch's statistics were added without shrinking the old ones",
        "An average needs the factor 1 − momentum on the old value.",
        ("running_statistics",),
        batch_norm_forward=_running(
            lambda b: (b.running_mean + b.momentum * b.mean, b.running_var + b.momentum * b.unbiased)
        ),
    ),
    _wrong(
        "running_holds_std",
        "running_var received the standard deviation",
        "It is a variance; evaluation takes its root.",
        ("running_statistics",),
        batch_norm_forward=_moved(lambda b: b.mean, lambda b: b.unbiased.sqrt()),
    ),
    _wrong(
        "running_holds_eps",
        "running_var received the variance plus ε",
        "ε is added where the root is taken, and nowhere else.",
        ("running_statistics",),
        batch_norm_forward=_moved(lambda b: b.mean, lambda b: b.unbiased + b.eps),
    ),
    _wrong(
        "batch_statistics_in_evaluation",
        "the batch's own statistics were used in evaluation",
        "A prediction must not depend on the other samples of its batch; evaluation uses the running "
        "statistics.",
        ("evaluation",),
        batch_norm_forward=_y(_batch_statistics, when=False),
    ),
    _wrong(
        "updates_in_evaluation",
        "the running statistics were updated in evaluation",
        "That lets test data into the model; evaluation leaves them as they are.",
        ("evaluation",),
        batch_norm_forward=_running(
            lambda b: (b.moved(b.running_mean, b.mean), b.moved(b.running_var, b.unbiased)), when=False
        ),
    ),
    _wrong(
        "training_flag_ignored",
        "evaluation does what training does",
        "With training=False the running statistics are used, and they stay as they are.",
        ("evaluation",),
        batch_norm_forward=_training_ignored,
    ),
    _wrong(
        "statistics_taken_as_constants",
        "the gradient treats the batch's mean and variance as constants",
        "Both depend on every x of the channel, so two more terms reach grad_x.",
        ("backward",),
        batch_norm_backward=_grad_x(lambda g, b: _constant_statistics(g, b)[0]),
    ),
    _wrong(
        "variance_taken_as_constant",
        "the gradient treats the batch's variance as a constant",
        "The variance depends on every x of the channel: its path through the graph is missing.",
        ("backward",),
        batch_norm_backward=_grad_x(lambda g, b: _constant_variance(g, b)[0]),
    ),
    _wrong(
        "mean_taken_as_constant",
        "the gradient treats the batch's mean as a constant",
        "The mean depends on every x of the channel: its path through the graph is missing.",
        ("backward",),
        batch_norm_backward=_grad_x(lambda g, b: _held(True, False)(g, b)[0]),
    ),
    _wrong(
        "variance_path_sign",
        "the variance's part of the gradient has the wrong sign",
        "∂(σ² + ε)^(−½)/∂σ² is negative.",
        ("backward",),
        batch_norm_backward=_grad_x(_variance_sign),
    ),
    _wrong(
        "divided_by_batch_size",
        "the means inside the gradient were divided by N instead of m = N·H·W",
        "m counts the values behind a channel's statistics, pixels included.",
        ("backward",),
        batch_norm_backward=_grad_x(_statistics_over_n),
    ),
    _wrong(
        "gamma_missing_in_grad_x",
        "γ is missing in grad_x",
        "y = γ·x̂ + β, so the gradient that reaches x̂ is γ·grad_y.",
        ("backward",),
        batch_norm_backward=_grad_x(_unit_gamma),
    ),
    _wrong(
        "eps_missing_in_backward",
        "ε is missing in the backward pass",
        "The forward pass divided by √(σ² + ε); its derivative divides by the same.",
        ("backward",),
        batch_norm_backward=_no_eps,
    ),
    _wrong(
        "unbiased_in_backward",
        "the backward pass belongs to a forward pass with the unbiased variance",
        "Normalising uses the biased variance (divided by m), and so does its derivative.",
        ("backward",),
        batch_norm_backward=_unbiased_backward,
    ),
    _wrong(
        "grad_gamma_from_x",
        "grad_gamma was summed with x instead of x̂",
        "∂y/∂γ is the normalised input x̂.",
        ("backward",),
        batch_norm_backward=_grad_affine(lambda g, b, gg, gb: (_sum(g * b.x), gb)),
    ),
    _wrong(
        "grad_gamma_from_centred",
        "grad_gamma was summed with x − μ instead of x̂",
        "∂y/∂γ is the normalised input x̂ = (x − μ) / √(σ² + ε).",
        ("backward",),
        batch_norm_backward=_grad_affine(lambda g, b, gg, gb: (_sum(g * _centred(b)), gb)),
    ),
    _wrong(
        "affine_gradients_averaged",
        "the gradients of γ and β were averaged over the values",
        "γ and β act on every value of the channel, so their gradients are sums.",
        ("backward",),
        batch_norm_backward=_grad_affine(lambda g, b, gg, gb: (gg / b.m, gb / b.m)),
    ),
    _wrong(
        "affine_gradients_per_position",
        "the gradients of γ and β were summed over the samples only",
        "γ and β are shared by all positions of a channel, so the sum runs over N, H and W.",
        ("backward",),
        batch_norm_backward=_grad_affine(lambda g, b, gg, gb: ((g * _normal(b)).sum(0), g.sum(0))),
    ),
    _wrong(
        "affine_gradients_swapped",
        "the gradients of γ and β were exchanged",
        "The contract returns (grad_x, grad_gamma, grad_beta).",
        ("backward",),
        batch_norm_backward=_grad_affine(lambda g, b, gg, gb: (gb, gg)),
    ),
)
