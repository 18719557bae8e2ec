"""Penalties on the weights, decay of some of them, and a limit on their norm.

Each function here returns something to plug into `cnnlab.training.fit`: `penalty=l1(1e-4)`,
`after_step=[max_norm(3.0)]`, `optimizer=decay_weights_only(sgd, 1e-4)`. "Weights" are the parameters with
more than one dimension: matrices and kernels, and neither biases nor the scales and shifts of a
normalisation, which are vectors. It is the rule by which most training code picks what decays.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.data.arguments import refused

Penalty = Callable[[nn.Module], Tensor]
OptimizerFactory = Callable[[Iterable[Any]], torch.optim.Optimizer]


def l1(strength: float, *, biases: bool = False) -> Penalty:
    """Penalty strength·Σ|W|, which draws small weights to exactly 0 in the limit, and near it with SGD.

    Args:
        strength: λ, at least 0.
        biases: penalise every parameter, not the weights alone.
    """
    return elastic_net(strength, 0.0, biases=biases)


def l2(strength: float, *, biases: bool = False) -> Penalty:
    """Penalty strength·ΣW², without a factor ½: its gradient is 2·strength·W.

    For plain SGD, with or without momentum, it does what `weight_decay=2 * strength` does on the same
    parameters; `weight_decay=λ` stands for λ/2·ΣW². For Adam the two differ. Source: Loshchilov & Hutter
    2019, "Decoupled Weight Decay Regularization", propositions 1 and 2.

    Args:
        strength: λ, at least 0.
        biases: penalise every parameter, not the weights alone.
    """
    return elastic_net(0.0, strength, biases=biases)


def elastic_net(l1_strength: float, l2_strength: float, *, biases: bool = False) -> Penalty:
    """Penalty l1_strength·Σ|W| + l2_strength·ΣW². Source: Zou & Hastie 2005."""
    absolute, square = _strength("l1_strength", l1_strength), _strength("l2_strength", l2_strength)
    return partial(_elastic_net, absolute=absolute, square=square, biases=biases)


def max_norm(limit: float) -> Callable[[nn.Module], None]:
    """A function for `after_step` that scales each unit's incoming weights back to a norm of at most `limit`.

    A unit is a row of a matrix or one kernel with all its input channels; the norm is Euclidean.
    S0 writes the same with c = limit²: ‖w‖² ≤ c. Source: Srebro & Shraibman 2005; Srivastava et al. 2014.
    """
    if not _is_number(limit) or not limit > 0:
        raise refused("limit", limit, "a number above 0")
    return partial(_clamp, limit=float(limit))


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups for an optimizer: the weights, which decay, and biases and norm parameters, which do not."""
    return _groups(model.parameters(), _strength("weight_decay", weight_decay))


def decay_weights_only(optimizer: OptimizerFactory, weight_decay: float) -> OptimizerFactory:
    """An `optimizer` for `fit` with `parameter_groups` in it, for example `decay_weights_only(sgd, 1e-4)`.

    What a parameter is follows from its number of dimensions, so the parameters alone are enough.
    """
    return partial(_decaying, optimizer=optimizer, weight_decay=_strength("weight_decay", weight_decay))


def sparsity(model: nn.Module, threshold: float = 1e-3) -> float:
    """Share of the weights whose size is below `threshold`, from 0 to 1."""
    _strength("threshold", threshold)
    weights = _weights(model)
    small = sum(int((weight.detach().abs() < threshold).sum()) for weight in weights)
    return small / max(1, sum(weight.numel() for weight in weights))


def _weights(model: nn.Module, biases: bool = False) -> list[nn.Parameter]:
    return [value for value in model.parameters() if biases or value.ndim > 1]


def _elastic_net(model: nn.Module, *, absolute: float, square: float, biases: bool) -> Tensor:
    total = torch.zeros((), device=next(model.parameters()).device)
    for weight in _weights(model, biases):
        if absolute:
            total = total + absolute * weight.abs().sum()
        if square:
            total = total + square * weight.square().sum()
    return total


@torch.no_grad()
def _clamp(model: nn.Module, *, limit: float) -> None:
    for weight in _weights(model):
        weight.copy_(torch.renorm(weight, p=2, dim=0, maxnorm=limit))


def _groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    every = list(parameters)
    return [
        {"params": [value for value in every if value.ndim > 1], "weight_decay": weight_decay},
        {"params": [value for value in every if value.ndim <= 1], "weight_decay": 0.0},
    ]


def _decaying(
    parameters: Iterable[nn.Parameter], *, optimizer: OptimizerFactory, weight_decay: float
) -> torch.optim.Optimizer:
    return optimizer(_groups(parameters, weight_decay))


def _is_number(value: object) -> bool:
    return type(value) is not bool and isinstance(value, Real) and math.isfinite(value)


def _strength(argument: str, value: float) -> float:
    if not _is_number(value) or value < 0:
        raise refused(argument, value, "a finite number of at least 0")
    return float(value)
