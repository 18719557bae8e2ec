"""Functions of two variables: a classifier's answers in the plane, a loss of two parameters."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor, nn

from cnnlab.errors import InputError
from cnnlab.plots.style import COLORS, MUTED
from cnnlab.training.evaluation import device_of, in_evaluation

MARKERS = "osD^vPX"


def decision_boundary(
    model: nn.Module | Callable[[Tensor], Tensor],
    points: Tensor,
    labels: Tensor,
    ax: Axes | None = None,
    *,
    resolution: int = 200,
    margin: float = 0.15,
) -> Axes:
    """Which class a classifier gives to each place of the plane, with the points it was trained on.

    Args:
        model: from (N, 2) to logits (N, K), or to one logit (N,) or (N, 1) of class 1. A network is asked in
            evaluation mode, and its mode is put back.
        points: (N, 2).
        labels: (N,) classes, 0 … K−1; each has a colour and a marker.
        margin: how far beyond the points the picture goes, as a share of their range.
    """
    ax = ax or plt.figure(figsize=(4.2, 3.6)).add_subplot()
    points, labels = points.detach().cpu().float(), labels.detach().cpu()
    low, high = points.amin(dim=0), points.amax(dim=0)
    reach = margin * (high - low)
    x, y = (torch.linspace(*ends, resolution) for ends in zip(low - reach, high + reach, strict=True))
    places = torch.cartesian_prod(x, y)  # x changes slowest
    answers = _classes(model, places).reshape(resolution, resolution).T
    count = max(int(labels.max()), int(answers.max())) + 1
    palette = ListedColormap([COLORS[k % len(COLORS)] for k in range(count)])
    extent = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
    ax.imshow(
        answers.numpy(),
        origin="lower",
        extent=extent,
        aspect="auto",
        cmap=palette,
        alpha=0.25,
        vmin=-0.5,
        vmax=count - 0.5,
        interpolation="nearest",
    )
    if answers.min() < answers.max():
        levels = [k + 0.5 for k in range(count - 1)]
        ax.contour(x.numpy(), y.numpy(), answers.numpy(), levels=levels, colors="black", linewidths=0.8)
    for k in range(count):
        mine = points[labels == k]
        marker, color = MARKERS[k % len(MARKERS)], COLORS[k % len(COLORS)]
        ax.plot(*mine.T, marker, color=color, markersize=4, markeredgecolor="white", markeredgewidth=0.5)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", xlim=extent[:2], ylim=extent[2:])
    ax.grid(visible=False)
    return ax


def loss_contours(
    function: Callable[..., Any],
    ax: Axes | None = None,
    *,
    path: Sequence[Sequence[float]] | Tensor | None = None,
    limits: tuple[float, float, float, float] = (-2.0, 2.0, -2.0, 2.0),
    levels: int | Sequence[float] = 15,
    resolution: int = 100,
) -> Axes:
    """Contour lines of a function of two parameters, and the path of an optimizer over them.

    Args:
        function: of two tensors of the same shape (float64), elementwise. For a function of two numbers
            give `numpy.vectorize(function)`.
        path: (steps, 2), from the first to the last iterate; the first is marked with a circle.
        limits: lowest and highest value of the first parameter, then of the second.
        levels: how many lines, or at which values.
    """
    ax = ax or plt.figure(figsize=(4.2, 3.6)).add_subplot()
    first = torch.linspace(limits[0], limits[1], resolution, dtype=torch.float64)
    second = torch.linspace(limits[2], limits[3], resolution, dtype=torch.float64)
    x, y = torch.meshgrid(first, second, indexing="xy")
    z = np.asarray(function(x, y), dtype=float)
    if z.shape != x.shape:
        raise InputError(f"function returned the shape {z.shape} for two tensors of shape {tuple(x.shape)}.")
    ax.contour(x, y, z, levels=levels, colors=MUTED, linewidths=0.8)
    if path is not None:
        steps = np.asarray(path if not isinstance(path, Tensor) else path.detach().cpu(), dtype=float)
        if steps.ndim != 2 or steps.shape[1] != 2:
            raise InputError(f"path has the shape {steps.shape}; it must be (steps, 2).")
        ax.plot(*steps.T, "o-", color=COLORS[1], markersize=2.5, linewidth=1.2)
        ax.plot(*steps[0], "o", color="white", markeredgecolor=COLORS[1], markersize=7)
    ax.set(xlabel="$w_1$", ylabel="$w_2$", xlim=limits[:2], ylim=limits[2:])
    ax.grid(visible=False)
    return ax


def _classes(model: nn.Module | Callable[[Tensor], Tensor], places: Tensor) -> Tensor:
    """(N,) class indices."""
    with torch.no_grad():
        if isinstance(model, nn.Module):
            with in_evaluation(model):
                logits: Tensor = model(places.to(device_of(model))).cpu()
        else:
            logits = torch.as_tensor(model(places)).cpu()
    if logits.ndim == 1 or logits.shape[1] == 1:
        return (logits.reshape(len(places)) > 0).long()
    return logits.argmax(dim=1)
