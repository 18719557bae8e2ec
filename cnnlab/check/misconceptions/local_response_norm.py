"""Wrong local response norms that people write, made of pooling with other windows and other constants."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F

from cnnlab import reference
from cnnlab.check.catalogue import Misconception

Tensor = torch.Tensor
Across = Literal["channels", "space"]
Norm = Callable[[Tensor, int, float, float, float], Tensor]
# A wrong idea, for both directions: (direction, x, n, k, alpha, beta) -> y.
Idea = Callable[[Across, Tensor, int, float, float, float], Tensor]


def _right(across: Across, x: Tensor, n: int, k: float, alpha: float, beta: float) -> Tensor:
    return reference.local_response_norm(x, n, k, alpha, beta, across=across)


def _both(idea: Idea) -> dict[str, Norm]:
    """The two functions of the contract that follow from an idea."""

    def across_channels(x: Tensor, n: int, k: float, alpha: float, beta: float) -> Tensor:
        return idea("channels", x, n, k, alpha, beta)

    def within_channel(x: Tensor, n: int, k: float, alpha: float, beta: float) -> Tensor:
        return idea("space", x, n, k, alpha, beta)

    return {"lrn_across_channels": across_channels, "lrn_within_channel": within_channel}


RIGHT: dict[str, Callable[..., Any]] = _both(_right)


def _pool(values: Tensor, sides: Sequence[tuple[int, int]], mode: str = "constant") -> Tensor:
    """Sums over windows that reach (before, after) along channels, rows and columns."""
    padding = [reach for side in reversed(sides) for reach in side]
    padded = F.pad(values.unsqueeze(1), padding, mode=mode)
    kernel = [before + 1 + after for before, after in sides]
    return F.avg_pool3d(padded, kernel, stride=1, divisor_override=1).squeeze(1)


def _sides(across: Across, before: int, after: int) -> list[tuple[int, int]]:
    reach, none = (before, after), (0, 0)
    return [reach, none, none] if across == "channels" else [none, reach, reach]


def _energy(across: Across, x: Tensor, n: int) -> Tensor:
    return _pool(x.square(), _sides(across, n // 2, n // 2))


def _by_energy(energy: Callable[[Across, Tensor, int], Tensor]) -> Idea:
    """Right but for the sum over the window."""
    return lambda across, x, n, k, alpha, beta: x / (k + alpha * energy(across, x, n)) ** beta


def _by_constants(change: Callable[..., tuple[int, float, float, float]]) -> Idea:
    """Right but for n, k, alpha, beta."""
    return lambda across, x, n, k, alpha, beta: _right(across, x, *change(across, n, k, alpha, beta))


def _values(across: Across, n: int) -> int:
    """The number of values in a full window."""
    return (2 * (n // 2) + 1) ** (1 if across == "channels" else 2)


def _wrapped(across: Across, x: Tensor, n: int) -> Tensor:
    """The sum over a window that goes on at the other border."""
    half, squares = n // 2, x.square()
    for axis in (1,) if across == "channels" else (2, 3):
        squares = sum((squares.roll(shift, axis) for shift in range(-half, half + 1)), squares * 0)
    return squares


def _existing_mean(across: Across, x: Tensor, n: int) -> Tensor:
    counts = _pool(torch.ones_like(x), _sides(across, n // 2, n // 2))
    return _energy(across, x, n) / counts


def _even_window(across: Across, x: Tensor, n: int) -> Tensor:
    return _pool(x.square(), _sides(across, n // 2, (n - 1) // 2))


def _padded(mode: str) -> Callable[[Across, Tensor, int], Tensor]:
    return lambda across, x, n: _pool(x.square(), _sides(across, n // 2, n // 2), mode)


def _one_direction(axis: int) -> Idea:
    """Within a channel, a window along rows or columns only; across channels as it should be."""

    def energy(across: Across, x: Tensor, n: int) -> Tensor:
        sides = [(0, 0)] * 3
        sides[axis] = (n // 2, n // 2)
        return _pool(x.square(), sides)

    return _by_energy(energy)


def _cross(across: Across, x: Tensor, n: int) -> Tensor:
    half = (n // 2, n // 2)
    rows, columns = _pool(x.square(), [(0, 0), half, (0, 0)]), _pool(x.square(), [(0, 0), (0, 0), half])
    return rows + columns - x.square()


def _detached(across: Across, x: Tensor, n: int, k: float, alpha: float, beta: float) -> Tensor:
    return x * (_right(across, x, n, k, alpha, beta) / x).detach().nan_to_num()


def _cut_off(across: Across, x: Tensor, n: int, k: float, alpha: float, beta: float) -> Tensor:
    return _right(across, x.detach(), n, k, alpha, beta)


def _in_place(across: Across, x: Tensor, n: int, k: float, alpha: float, beta: float) -> Tensor:
    y = _right(across, x, n, k, alpha, beta)
    with torch.no_grad():
        x.copy_(y)
    return y


def _other_direction(across: Across, x: Tensor, n: int, k: float, alpha: float, beta: float) -> Tensor:
    return _right("space" if across == "channels" else "channels", x, n, k, alpha, beta)


_VALUES = (
    "across_channels",
    "across_channels_gradient",
    "within_channel",
    "within_channel_gradient",
)


def _wrong(name: str, title: str, why: str, idea: Idea, parts: tuple[str, ...] = _VALUES) -> Misconception:
    return Misconception(name, title, why, _both(idea), parts)


MISCONCEPTIONS = (
    _wrong(
        "alpha_divided_by_n",
        "α was divided by n",
        "PyTorch divides α by the size of the window; the formula of this course, as AlexNet's, does not.",
        _by_constants(lambda across, n, k, alpha, beta: (n, k, alpha / n, beta)),
    ),
    _wrong(
        "alpha_divided_by_window",
        "α was divided by the number of values in the window: the squares were averaged, not summed",
        "PyTorch averages; the formula of this course, as AlexNet's, sums.",
        _by_constants(lambda across, n, k, alpha, beta: (n, k, alpha / _values(across, n), beta)),
    ),
    _wrong(
        "mean_of_existing_neighbours",
        "the squares were averaged over the neighbours that exist",
        "The formula sums; beyond the border there is nothing to add.",
        _by_energy(_existing_mean),
    ),
    _wrong(
        "window_of_even_size",
        "an even n got a lopsided window of n values",
        "n // 2 neighbours on each side make n + 1 values for even n: n = 2 means three.",
        _by_energy(_even_window),
    ),
    _wrong(
        "pytorch_as_it_is",
        "the numbers are those of PyTorch's local_response_norm with the same arguments",
        "PyTorch divides α by n and takes a lopsided window for even n.",
        lambda across, x, n, k, alpha, beta: x / (k + alpha / n * _even_window(across, x, n)) ** beta,
    ),
    _wrong(
        "n_on_each_side",
        "the window reaches n neighbours to each side",
        "n is the size of the whole window: it reaches n // 2 to each side.",
        _by_constants(lambda across, n, k, alpha, beta: (2 * n, k, alpha, beta)),
    ),
    _wrong(
        "window_too_small",
        "the window reaches one neighbour less to each side, or to one side",
        "It reaches n // 2 to each side, both ends included.",
        _by_energy(lambda across, x, n: _pool(x.square(), _sides(across, n // 2, max(n // 2 - 1, 0)))),
    ),
    _wrong(
        "window_too_small_on_both_sides",
        "the window reaches one neighbour less to each side",
        "It reaches n // 2 to each side, both ends included.",
        _by_constants(lambda across, n, k, alpha, beta: (max(n - 2, 1), k, alpha, beta)),
    ),
    _wrong(
        "only_before",
        "the window reaches back only",
        "It reaches n // 2 neighbours to each side.",
        _by_energy(lambda across, x, n: _pool(x.square(), _sides(across, n // 2, 0))),
    ),
    _wrong(
        "only_after",
        "the window reaches forward only",
        "It reaches n // 2 neighbours to each side.",
        _by_energy(lambda across, x, n: _pool(x.square(), _sides(across, 0, n // 2))),
    ),
    _wrong(
        "centre_excluded",
        "the element itself is missing in the sum",
        "The sum runs over the neighbours and the element itself.",
        _by_energy(lambda across, x, n: _energy(across, x, n) - x.square()),
    ),
    _wrong(
        "wraps_around",
        "the window goes on at the other border",
        "Beyond the border there is nothing to add; torch.roll brings the other end in.",
        _by_energy(_wrapped),
    ),
    _wrong(
        "border_repeated",
        "the values at the border were repeated beyond it",
        "Beyond the border there is nothing to add.",
        _by_energy(_padded("replicate")),
    ),
    _wrong(
        "squares_missing",
        "the activations were summed without squaring them",
        "The sum is over squares: an energy, which is never negative.",
        _by_energy(lambda across, x, n: _pool(x, _sides(across, n // 2, n // 2))),
    ),
    _wrong(
        "absolute_values",
        "the absolute values were summed instead of the squares",
        "The sum is over squares.",
        _by_energy(lambda across, x, n: _pool(x.abs(), _sides(across, n // 2, n // 2))),
    ),
    _wrong(
        "square_of_sum",
        "the sum was squared instead of the summands",
        "Σ a² is not (Σ a)².",
        _by_energy(lambda across, x, n: _pool(x, _sides(across, n // 2, n // 2)).square()),
    ),
    _wrong(
        "beta_missing",
        "the power β was left out",
        "The denominator is (k + α Σ a²)^β.",
        _by_constants(lambda across, n, k, alpha, beta: (n, k, alpha, 1.0)),
    ),
    _wrong(
        "square_root",
        "the root was taken instead of the power β",
        "The denominator is (k + α Σ a²)^β, with β from the arguments.",
        _by_constants(lambda across, n, k, alpha, beta: (n, k, alpha, 0.5)),
    ),
    _wrong(
        "beta_on_energy_only",
        "the power β was applied to the sum alone",
        "k stands inside: (k + α Σ a²)^β.",
        lambda across, x, n, k, alpha, beta: x / (k + (alpha * _energy(across, x, n)) ** beta),
    ),
    _wrong(
        "k_missing",
        "k was left out",
        "The denominator is (k + α Σ a²)^β; k keeps it away from zero.",
        _by_constants(lambda across, n, k, alpha, beta: (n, 0.0, alpha, beta)),
    ),
    _wrong(
        "k_is_one",
        "k was taken as 1",
        "The denominator is (k + α Σ a²)^β, with k from the arguments.",
        _by_constants(lambda across, n, k, alpha, beta: (n, 1.0, alpha, beta)),
    ),
    _wrong(
        "alpha_times_all",
        "α multiplies k as well",
        "The denominator is (k + α Σ a²)^β, not (α (k + Σ a²))^β.",
        _by_constants(lambda across, n, k, alpha, beta: (n, alpha * k, alpha, beta)),
    ),
    _wrong(
        "alpha_missing",
        "α was left out",
        "The denominator is (k + α Σ a²)^β.",
        _by_constants(lambda across, n, k, alpha, beta: (n, k, 1.0, beta)),
    ),
    _wrong(
        "multiplied",
        "the activation was multiplied instead of divided",
        "A strong neighbourhood makes an activation smaller.",
        _by_constants(lambda across, n, k, alpha, beta: (n, k, alpha, -beta)),
    ),
    _wrong(
        "other_direction",
        "the window runs in the other direction",
        "Across channels: the same position in other channels. Within a channel: other positions of it.",
        _other_direction,
    ),
    _wrong(
        "columns_only",
        "the window within the channel runs along one row",
        "The window is a square: n // 2 to each side along rows and columns.",
        _one_direction(2),
        _VALUES[2:],
    ),
    _wrong(
        "rows_only",
        "the window within the channel runs along one column",
        "The window is a square: n // 2 to each side along rows and columns.",
        _one_direction(1),
        _VALUES[2:],
    ),
    _wrong(
        "cross_shaped",
        "the window within the channel is a cross",
        "The window is a full square, corners included.",
        _by_energy(_cross),
        _VALUES[2:],
    ),
    _wrong(
        "detached",
        "the gradient treats the denominator as a constant",
        "The denominator depends on x too; do not compute it under no_grad or detach it.",
        _detached,
        (_VALUES[1], _VALUES[3]),
    ),
    _wrong(
        "cut_off",
        "no gradient reaches x",
        "Converting to numpy, .data, .detach() or no_grad cut the result off from x.",
        _cut_off,
        (_VALUES[1], _VALUES[3]),
    ),
    _wrong(
        "in_place",
        "the input was overwritten",
        "Every position needs its neighbours' original values, and so may other layers.",
        _in_place,
    ),
)
