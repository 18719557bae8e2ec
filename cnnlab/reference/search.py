"""Drawing hyperparameters on a logarithmic scale, and moving a range whose edge is the best value."""

import math

import torch

from cnnlab.reference.arguments import integer, real, refuse

_POSITIVE = "a finite number above 0"


def log_uniform(n: int, low: float, high: float, generator: torch.Generator | None = None) -> torch.Tensor:
    """n independent numbers from low to high whose logarithms are uniform: every decade gets an equal share.

    Returns:
        (n,), float64, on the generator's device; on the CPU without one.

    Raises:
        ValueError: an argument out of range, or low above high.

    Source: Bergstra & Bengio 2012, "Random search for hyper-parameter optimization", section 2.
    """
    n = integer("n", n, 0)
    low, high = _range(low, high)
    device = torch.device("cpu") if generator is None else generator.device
    exponent = torch.empty(n, dtype=torch.float64, device=device)
    return exponent.uniform_(math.log(low), math.log(high), generator=generator).exp().clamp(low, high)


def next_range(low: float, high: float, best: float, margin: float = 0.1) -> tuple[float, float]:
    """The range to search next: centred on the best value if that lay near an edge, else the same.

    The place of the best value in its range is u = ln(best / low) / ln(high / low), from 0 to 1. Below
    `margin` or above 1 − `margin`, the optimum may lie beyond the edge; the range then moves, on the
    logarithmic scale, until the best value is its middle, and high / low stays as it was.

    Args:
        low, high: the range that was searched, positive, low < high.
        best: the best value found in it.
        margin: in (0, 0.5).

    Returns:
        The new low and high.

    Raises:
        ValueError: an argument out of range.
    """
    low, high = _range(low, high)
    best = real("best", best, low, high, f"a number from {low:g} to {high:g}")
    margin = real("margin", margin, 0.0, 0.5, "a number above 0 and below 0.5", below_high=True)
    if low == high or margin == 0:
        refuse("margin" if margin == 0 else "high", margin if margin == 0 else high, "above 0 and above low")
    width = math.log(high) - math.log(low)
    place = (math.log(best) - math.log(low)) / width
    if margin <= place <= 1 - margin:
        return low, high
    middle = math.log(best)
    return math.exp(middle - width / 2), math.exp(middle + width / 2)


def _range(low: float, high: float) -> tuple[float, float]:
    low = real("low", low, 1e-300, math.inf, _POSITIVE)
    high = real("high", high, 1e-300, math.inf, _POSITIVE)
    if low > high:
        refuse("low", low, f"at most high, which is {high}")
    return low, high
