"""A penalty on the weights, added to the loss."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from cnnlab.reference.arguments import floating, real


def penalized_loss(loss: torch.Tensor, parameters: Sequence[torch.Tensor], strength: float) -> torch.Tensor:
    """The loss plus the L1 penalty strength · Σ|w| over all weights; biases are left alone.

    A weight is an entry of a parameter with more than one dimension: a matrix or a convolution's kernel.
    Biases and the scales and shifts of a normalisation have one, and no share in the penalty.

    Args:
        loss: a scalar.
        parameters: as `model.parameters()` gives them, on the device of the loss.
        strength: λ, at least 0.

    Returns:
        A scalar, differentiable with respect to the loss and to every weight.

    Raises:
        ValueError: an argument out of range, or of the wrong shape or dtype.

    Source: Tibshirani 1996, "Regression shrinkage and selection via the lasso", in its penalised form.
    """
    floating("loss", loss, (0,))
    strength = real("strength", strength, 0.0, math.inf, "a finite number of at least 0")
    for number, parameter in enumerate(parameters):
        floating(f"parameters[{number}]", parameter)
        if parameter.ndim > 1:
            size = F.l1_loss(parameter, torch.zeros_like(parameter), reduction="sum")
            loss = loss + strength * size
    return loss
