"""Figures in one style: colours that colour-blind readers can tell apart, on white to read on dark pages."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from torch import Tensor

from cnnlab.experiments import differences, final, interval

# Okabe and Ito's palette, strongest contrast on white first. Source: https://jfly.uni-koeln.de/color/
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MUTED = "#737373"
STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "figure.figsize": (6.4, 3.4),
    "font.size": 10.0,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.facecolor": "white",
    "svg.hashsalt": "cnnlab",  # the same figure gives the same file
}
LABELS = {"loss": "loss (cross-entropy, nats)", "accuracy": "accuracy (%)"}
LINES = {"train": "--", "validation": "-", "test": ":"}


def use_style() -> None:
    """Make the style the default of this process, and draw sharp vector figures in a notebook."""
    mpl.rcParams.update(STYLE)
    try:
        from IPython.core.getipython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is not None:
        set_matplotlib_formats("svg", metadata={"Date": None})  # type: ignore[no-untyped-call]


def learning_curves(
    table: pd.DataFrame,
    *,
    metric: str = "loss",
    splits: Sequence[str] = ("train", "validation"),
    ax: Axes | None = None,
) -> Axes:
    """A metric over the epochs: one colour per variant, dashed for training, a band over the seeds.

    Args:
        table: from `cnnlab.experiments.compare`, or the history of one `cnnlab.training.fit`.
        metric: "loss", or "accuracy" (drawn in percent).

    The band is the 95 % t-interval of the mean over seeds; with one seed there is none.
    """
    ax = ax or plt.figure().add_subplot()
    scale = 100 if metric == "accuracy" else 1
    if "variant" not in table:
        table = table.assign(variant="", seed=0, failure="")
    finished = table[table["failure"] == ""]
    for name, color in zip(finished["variant"].unique(), _colors(), strict=False):
        for split in splits:
            rows = finished[(finished["variant"] == name) & (finished["split"] == split)]
            grouped = rows.groupby("epoch")[metric]
            mean = grouped.mean() * scale
            label = f"{name}, {split}" if name else split
            ax.plot(mean.index, mean, color=color, linestyle=LINES.get(split, "-"), label=label)
            if rows["seed"].nunique() > 1:
                ends = [interval(values * scale) for _, values in grouped]
                low, high = [end[0] for end in ends], [end[2] for end in ends]
                ax.fill_between(mean.index, low, high, color=color, alpha=0.2, linewidth=0)
    ax.set(xlabel="epoch", ylabel=LABELS[metric])
    ax.legend()
    return ax


def paired_differences(
    table: pd.DataFrame,
    baseline: str,
    *,
    metric: str = "accuracy",
    split: str = "validation",
    ax: Axes | None = None,
) -> Axes:
    """Each variant against the baseline: a dot per seed, and the mean with its 95 % interval.

    Args:
        table: from `cnnlab.experiments.compare`.
        baseline: the variant that the others are compared with.
    """
    ax = ax or plt.figure(figsize=(6.4, 0.9 + 0.5 * table["variant"].nunique())).add_subplot()
    scale = 100 if metric == "accuracy" else 1
    rows = differences(table, baseline, metric=metric, split=split)
    records: list[Any] = list(rows.itertuples())
    values = final(table, split).pivot(index="seed", columns="variant", values=metric)
    for height, row in enumerate(records):
        each = scale * (values[row.variant] - values[baseline]).dropna()
        ax.plot(each, [height + 0.18] * len(each), "o", color=MUTED, alpha=0.6, markersize=4)
        mean, low, high = (scale * end for end in (row.mean, row.low, row.high))
        reach = [[mean - low], [high - mean]]
        ax.errorbar(mean, height, xerr=reach, fmt="s", color=COLORS[0], capsize=4, markersize=6)
    ax.axvline(0, color="black", linewidth=1)
    unit = "percentage points" if metric == "accuracy" else "nats"
    ax.set(xlabel=f"{split} {metric} minus that of “{baseline}” ({unit})", ylim=(len(rows) - 0.5, -0.5))
    ax.set_yticks(range(len(rows)), rows["variant"])
    ax.grid(axis="y", visible=False)
    return ax


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


def _colors() -> list[Any]:
    return list(mpl.rcParams["axes.prop_cycle"].by_key()["color"]) * 4
