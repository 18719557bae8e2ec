"""Distributions of values, layer by layer."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from torch import Tensor

from cnnlab.plots.style import COLORS


def activation_histograms(
    layers: Mapping[str, Tensor] | pd.DataFrame,
    *,
    bins: int = 50,
    limits: tuple[float, float] | None = None,
    axes: Sequence[Axes] | None = None,
    color: str = COLORS[0],
) -> list[Axes]:
    """One histogram per layer, side by side on one scale, with mean and standard deviation over each.

    Args:
        layers: name → values, as from `cnnlab.training.activations`; or a table with the columns layer and
            value.
        limits: of the values; by default those between the 0.1 % and the 99.9 % quantile of all layers.
        axes: to draw into, one per layer, for example a row of a grid that compares networks.
    """
    if isinstance(layers, pd.DataFrame):
        values = {str(name): part.to_numpy() for name, part in layers.groupby("layer", sort=False)["value"]}
    else:
        values = {name: part.detach().cpu().flatten().numpy() for name, part in layers.items()}
    if axes is None:
        figure = plt.figure(figsize=(max(3.0, 1.3 * len(values)), 1.9))
        axes = list(figure.subplots(1, len(values), squeeze=False, sharex=True)[0])
    if limits is None:
        together = pd.concat([pd.Series(part) for part in values.values()])
        limits = float(together.quantile(0.001)), float(together.quantile(0.999))
        if limits[0] == limits[1]:
            limits = limits[0] - 0.5, limits[1] + 0.5
    for ax, (name, part) in zip(axes, values.items(), strict=True):
        # One outline: a path for every bar made drawings that took a browser longer than the rest of a page.
        ax.hist(part, bins=bins, range=limits, color=color, density=True, histtype="stepfilled")
        ax.set_title(f"{name}\n{part.mean():.2g} ± {part.std():.2g}", fontsize=8)
        ax.set(yticks=[], xlim=limits)
        ax.grid(visible=False)
    return list(axes)
