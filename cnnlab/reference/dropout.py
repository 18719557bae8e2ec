"""Inverted dropout."""

import torch

from cnnlab.reference.arguments import describe, floating, real, refuse


def inverted_dropout(
    x: torch.Tensor,
    p: float,
    *,
    training: bool = True,
    mask: torch.Tensor | None = None,
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Drop each element with probability p and scale the rest, so that the expectation stays.

    In training y = x · m / (1 − p), with independent m ~ Bernoulli(1 − p); a dropped element is exactly 0
    and receives no gradient. In evaluation, and for p = 0, y = x.

    Args:
        x: any shape, floating point.
        p: the probability of *dropping*, in [0, 1]; p = 1 gives zeros.
        mask: bool, the shape of x, True where an element is kept; drawn from `generator` when not given.
        generator: on the device of x; the global generator when not given.

    Returns:
        A tensor with the shape, dtype and device of x.

    Raises:
        ValueError: an argument out of range, or of the wrong shape, dtype or device.

    Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting",
    section 10 (scaling at training time).
    """
    floating("x", x)
    p = real("p", p, 0.0, 1.0, "a number in [0, 1], the probability of dropping")
    if mask is not None:
        _require_mask(mask, x)
    if generator is not None and generator.device.type != x.device.type:
        refuse("generator", f"on {generator.device}", f"on the device of x, {x.device}")
    if not training or (p == 0.0 and mask is None):
        return x
    if mask is None:
        mask = torch.empty(x.shape, dtype=torch.bool, device=x.device).bernoulli_(1 - p, generator=generator)
    zero = torch.zeros((), dtype=x.dtype, device=x.device)
    if p == 1.0:
        return torch.where(torch.zeros_like(mask), x, zero)
    return torch.where(mask, x / (1 - p), zero)


def _require_mask(mask: object, x: torch.Tensor) -> None:
    allowed = f"a bool tensor of shape {tuple(x.shape)} on {x.device}"
    if not isinstance(mask, torch.Tensor):
        refuse("mask", f"of type {type(mask).__name__}", allowed)
    if mask.dtype != torch.bool or mask.shape != x.shape or mask.device != x.device:
        refuse("mask", describe(mask), allowed)
