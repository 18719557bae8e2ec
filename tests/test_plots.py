"""Figures: what they show is what is in the table."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch

from cnnlab import plots
from cnnlab.experiments import differences, interval

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _own_style() -> Iterator[None]:
    with mpl.rc_context():
        plots.use_style()
        yield
    mpl.pyplot.close("all")


@pytest.fixture
def table() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    rows = [
        (variant, seed, epoch, split, generator.random(), generator.random(), "")
        for variant in ("plain", "dropout")
        for seed in range(3)
        for epoch in (1, 2)
        for split in ("train", "validation")
    ]
    rows.append(("dropout", 3, 1, "train", float("nan"), float("nan"), "Diverged"))
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "split", "loss", "accuracy", "failure"])


def test_learning_curves_show_means_and_bands(table: pd.DataFrame) -> None:
    ax = plots.learning_curves(table, metric="accuracy")
    labels = [line.get_label() for line in ax.lines]
    assert labels == ["plain, train", "plain, validation", "dropout, train", "dropout, validation"]
    assert [line.get_linestyle() for line in ax.lines] == ["--", "-", "--", "-"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "accuracy (%)")
    rows = table[(table["variant"] == "dropout") & (table["split"] == "validation")]
    last = 100 * rows.loc[rows["epoch"] == 2, "accuracy"]
    assert ax.lines[3].get_ydata()[-1] == pytest.approx(last.mean())
    low, _, high = interval(last)
    band = ax.collections[3].get_paths()[0].vertices[:, 1]
    assert {round(low, 6), round(high, 6)} <= {round(value, 6) for value in band}


def test_one_history_has_no_band() -> None:
    history = pd.DataFrame(
        {"epoch": [1, 2], "split": "validation", "loss": [2.0, 1.0], "accuracy": [0.1, 0.5]}
    )
    ax = plots.learning_curves(history, splits=["validation"])
    assert list(ax.lines[0].get_ydata()) == [2.0, 1.0]
    assert not ax.collections
    assert ax.get_ylabel() == "loss (cross-entropy, nats)"


def test_paired_differences_show_seeds_mean_and_interval(table: pd.DataFrame) -> None:
    ax = plots.paired_differences(table, "plain")
    (row,) = differences(table, "plain").itertuples()
    dots, square = ax.lines[0], ax.containers[0].lines[0]
    assert len(dots.get_xdata()) == 3
    assert np.mean(dots.get_xdata()) == pytest.approx(100 * row.mean)
    assert square.get_xdata()[0] == pytest.approx(100 * row.mean)
    (bar,) = ax.containers[0].lines[2][0].get_segments()
    assert bar[:, 0] == pytest.approx([100 * row.low, 100 * row.high])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["dropout"]
    assert ax.get_xlabel() == "validation accuracy minus that of “plain” (percentage points)"


def test_image_grid_marks_what_it_is_told() -> None:
    grid = plots.image_grid(
        {"a": torch.rand(3, 1, 4, 4), "b": torch.rand(3, 3, 4, 4)}, titles="123", marked=[0, 1, 0]
    )
    assert [len(line) for line in grid] == [3, 3]
    frames = [mpl.colors.to_hex(ax.spines["top"].get_edgecolor()).upper() for ax in grid[0]]
    assert [frame == plots.COLORS[1] for frame in frames] == [False, True, False]


def test_thinned_networks_cross_out_dropped_units() -> None:
    full = [[True, True], [True, True, True], [True]]
    thin = [[True, True], [True, False, True], [True]]
    whole, part = plots.thinned_networks([full, thin], ["full", "thin"])
    crosses = [sum(line.get_marker() == "x" for line in ax.lines) for ax in (whole, part)]
    connections = [sum(line.get_marker() == "None" for line in ax.lines) for ax in (whole, part)]
    assert crosses == [0, 1]
    assert connections == [2 * 3 + 3, 2 * 2 + 2]


def luminance(color: str) -> float:
    channels = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in mpl.colors.to_rgb(color)
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], channels))


@pytest.mark.parametrize("color", plots.COLORS[:3])
def test_the_first_colors_stand_out_from_white(color: str) -> None:
    """WCAG 2 asks for a contrast of 3 to 1 for graphics."""
    assert 1.05 / (luminance(color) + 0.05) >= 3


def test_the_same_figure_gives_the_same_file(table: pd.DataFrame, tmp_path: object) -> None:
    files = []
    for number in range(2):
        path = f"{tmp_path}/{number}.svg"
        plots.learning_curves(table).figure.savefig(path, metadata={"Date": None})
        with open(path, "rb") as file:
            files.append(file.read())
    assert files[0] == files[1]
