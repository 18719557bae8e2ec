"""Drawings of networks."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from cnnlab.plots.style import COLORS, MUTED


def thinned_networks(masks: Sequence[Sequence[Sequence[bool]]], titles: Sequence[str]) -> list[Axes]:
    """Drawings of one network under different masks; a dropped unit is a crossed circle without connections.

    Args:
        masks: for each drawing and each layer, from the input up, which units are kept.
        titles: over each drawing.
    """
    axes = list(plt.figure(figsize=(2.1 * len(masks), 2.2)).subplots(1, len(masks), squeeze=False)[0])
    for ax, layers, title in zip(axes, masks, titles, strict=True):
        places = [
            [(unit - (len(layer) - 1) / 2, level) for unit in range(len(layer))]
            for level, layer in enumerate(layers)
        ]
        for level in range(len(layers) - 1):
            for start, here in zip(places[level], layers[level], strict=True):
                for end, there in zip(places[level + 1], layers[level + 1], strict=True):
                    if here and there:
                        ax.plot(*zip(start, end, strict=True), color=MUTED, linewidth=0.7, zorder=1)
        for spots, layer in zip(places, layers, strict=True):
            for (x, y), kept in zip(spots, layer, strict=True):
                ax.plot(
                    x, y, "o", markersize=13, color=COLORS[0] if kept else "white", markeredgecolor="black"
                )
                if not kept:
                    ax.plot(x, y, "x", markersize=8, color="black")
        ax.set_title(title, fontsize=10)
        ax.margins(0.15)
        ax.set_axis_off()
    return axes
