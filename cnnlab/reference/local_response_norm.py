"""Local response normalization, across channels and within a channel."""

import math
from typing import Literal

import torch
import torch.nn.functional as F

from cnnlab.reference.arguments import floating, integer, real, refuse


def local_response_norm(
    x: torch.Tensor,
    n: int,
    k: float,
    alpha: float,
    beta: float,
    *,
    across: Literal["channels", "space"],
) -> torch.Tensor:
    """Divide each activation by a power of the energy around it: b = a / (k + α Σ a_j²)^β.

    The sum runs over the n // 2 neighbours on each side and the element itself, so n = 2 and n = 3 both
    mean three values; beyond the border there is nothing to add. `across="channels"` takes the neighbours
    from the channels at the same position, `across="space"` from the square around the position in the
    same channel. α is *not* divided by the size of the window; `torch.nn.functional.local_response_norm`
    divides it, so its `alpha` is ours times its `size`.

    Args:
        x: (N, C, H, W), floating point.
        n: window size, at least 1.
        k, alpha: at least 0.
        beta: exponent, finite.

    Returns:
        A tensor with the shape, dtype and device of x; NaN where k = 0 and the whole window is 0.

    Raises:
        ValueError: an argument out of range, or of the wrong shape or dtype.

    Source: Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural
    networks", section 3.3.
    """
    floating("x", x, (4,))
    n = integer("n", n, 1)
    k = real("k", k, 0.0, math.inf, "a finite number of at least 0")
    alpha = real("alpha", alpha, 0.0, math.inf, "a finite number of at least 0")
    beta = real("beta", beta, -math.inf, math.inf, "a finite number")
    if across not in ("channels", "space"):
        refuse("across", repr(across), '"channels" or "space"')
    if x.numel() == 0:
        return x.clone()
    half = n // 2
    size = 2 * half + 1
    # Squares overflow half precision from 256 on, so it is computed in float32 and rounded once.
    wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    if across == "channels":
        return F.local_response_norm(wide, size, alpha * size, beta, k).to(x.dtype)
    energy = F.avg_pool2d(wide.square(), size, stride=1, padding=half, divisor_override=1)
    return (wide / (k + alpha * energy) ** beta).to(x.dtype)
