"""Metrics over the epochs, and differences between variants."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from cnnlab.experiments import differences, final, interval
from cnnlab.plots.style import COLORS, LABELS, LINES, MUTED, colors


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

    The band is the 95 % t-interval of the mean over seeds; with one seed there is none. A curve ends where
    the first of its runs does, since a mean over those that are left would be one of others.
    """
    ax = ax or plt.figure().add_subplot()
    scale = 100 if metric == "accuracy" else 1
    if "variant" not in table:
        table = table.assign(variant="", seed=0, failure="")
    finished = table[table["failure"] == ""]
    for name, color in zip(finished["variant"].unique(), colors(), strict=False):
        for split in splits:
            rows = finished[(finished["variant"] == name) & (finished["split"] == split)]
            if rows.empty:
                continue
            end = rows.groupby("seed")["epoch"].max().min()
            grouped = rows[rows["epoch"] <= end].groupby("epoch")[metric]
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
