"""Images, and weights as images."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor, nn

from cnnlab.errors import InputError
from cnnlab.plots.style import COLORS


def image_grid(
    rows: Mapping[str, Tensor], *, titles: Sequence[str] = (), marked: Sequence[bool] = ()
) -> list[list[Axes]]:
    """Rows of images, each row with its name at the left, each image with a grey scale of its own.

    Args:
        rows: name → (N, 1, H, W) or (N, 3, H, W), every row with the same N; low values are drawn light.
        titles: over the first row's images.
        marked: which of the first row's images get a coloured frame and a bold title.
    """
    columns = max(len(images) for images in rows.values())
    figure = plt.figure(figsize=(0.8 * columns + 0.1 * max(map(len, rows)), 0.85 * len(rows) + 0.3))
    grid = [list(line) for line in figure.subplots(len(rows), columns, squeeze=False)]
    for axes, (name, images) in zip(grid, rows.items(), strict=True):
        for ax, image in zip(axes, images, strict=True):
            ax.imshow(image.permute(1, 2, 0).numpy(), cmap="gray_r", vmin=0, vmax=float(image.max()) or 1)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set(visible=True, color="#cccccc", linewidth=1)
        axes[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for ax, title in zip(grid[0], titles, strict=False):
        ax.set_title(title, fontsize=9)
    for ax, mark in zip(grid[0], marked, strict=False):
        if mark:
            ax.title.set(color=COLORS[1], weight="bold")
            ax.spines[:].set(color=COLORS[1], linewidth=2.5)
    return grid


def weight_images(
    weights: nn.Module | Tensor,
    *,
    image_shape: tuple[int, int, int] | None = None,
    count: int = 64,
    columns: int = 8,
) -> list[Axes]:
    """The weights of a network's first layer, one image per unit, each with a scale of its own around 0.

    Blue is negative, white 0, red positive; filters with three channels are drawn in colour, grey being 0.

    Args:
        weights: a network, whose first weight is taken, or a weight: (units, C, h, w) or (units, C·H·W).
        image_shape: (C, H, W) of the images, needed for a fully connected layer unless they are square with
            one or three channels.
        count: at most so many units, the first ones.
    """
    if isinstance(weights, nn.Module):
        found = next((value for value in weights.parameters() if value.ndim > 1), None)
        if found is None:
            raise InputError(f"{type(weights).__name__} has no weights with more than one dimension.")
        weights = found
    images = _as_images(weights.detach().cpu().float(), image_shape)[:count]
    rows = -(-len(images) // columns)
    figure = plt.figure(figsize=(0.7 * columns, 0.7 * rows))
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax, image in zip(axes, images, strict=False):
        peak = float(image.abs().max()) or 1.0
        if len(image) == 3:
            ax.imshow((image.permute(1, 2, 0) / (2 * peak) + 0.5).numpy())
        else:
            ax.imshow(image.mean(dim=0).numpy(), cmap="RdBu_r", vmin=-peak, vmax=peak)
        ax.set(xticks=[], yticks=[])
    for ax in axes:
        ax.set_axis_off()
    return axes[: len(images)]


def _as_images(weight: Tensor, shape: tuple[int, int, int] | None) -> Tensor:
    """(units, C, h, w) from a weight of that shape or (units, C·H·W)."""
    if weight.ndim == 4:
        return weight
    values = weight[0].numel()
    shapes = [shape] if shape else [(C, side, side) for C in (1, 3) if (side := round((values / C) ** 0.5))]
    for C, H, W in shapes:
        if values == C * H * W:
            return weight.reshape(-1, C, H, W)
    wanted = shape or "(1, n, n) or (3, n, n)"
    raise InputError(f"{values} weights per unit are no image of shape {wanted}; give image_shape=.")
