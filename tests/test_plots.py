"""Figures: what they show is what is in the table."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch

from cnnlab import plots
from cnnlab.errors import InputError
from cnnlab.experiments import differences, interval
from cnnlab.models import mlp, two_layer
from cnnlab.training import activations

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


def runs(lengths: dict[int, int]) -> pd.DataFrame:
    """One variant whose runs (seed: epochs) have different lengths, as with early stopping."""
    rows = [
        ("stopped", seed, epoch, split, seed + epoch, 0.5, "")
        for seed, length in lengths.items()
        for epoch in range(1, length + 1)
        for split in ("train", "validation")
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "split", "loss", "accuracy", "failure"])


def test_learning_curves_end_where_the_first_run_does() -> None:
    ax = plots.learning_curves(runs({0: 5, 1: 3, 2: 4}))
    assert list(ax.lines[0].get_xdata()) == [1, 2, 3]
    assert list(ax.lines[0].get_ydata()) == [2, 3, 4]


def test_learning_curves_leave_out_a_split_that_is_not_there() -> None:
    assert len(plots.learning_curves(runs({0: 2}), splits=("validation", "test")).lines) == 1


def test_activation_histograms_share_one_scale() -> None:
    layers = {"first": torch.randn(1000), "second": 3 + 0.1 * torch.randn(10, 100)}
    axes = plots.activation_histograms(layers, limits=(-5, 5))
    assert [ax.get_title().split("\n")[0] for ax in axes] == ["first", "second"]
    assert {ax.get_xlim() for ax in axes} == {(-5, 5)}
    mean, std = (float(part) for part in axes[1].get_title().split("\n")[1].split(" ± "))
    assert (mean, std) == pytest.approx((3, 0.1), rel=0.1)
    (outline,) = axes[1].patches
    x, y = outline.get_xy().T
    assert abs(np.trapezoid(y, x)) == pytest.approx(1)  # a density
    table = pd.DataFrame(
        [{"layer": name, "value": v.item()} for name, x in layers.items() for v in x.flatten()]
    )
    again = plots.activation_histograms(table, limits=(-5, 5))
    assert [ax.get_title() for ax in again] == [ax.get_title() for ax in axes]
    assert len(plots.activation_histograms({"dead": torch.zeros(10)})) == 1


def test_activation_histograms_fit_the_activations_of_a_network() -> None:
    axes = plots.activation_histograms(activations(mlp(hidden=(4, 4)), torch.rand(5, 1, 28, 28)))
    assert len(axes) == 6


def below_the_diagonal(points: torch.Tensor) -> torch.Tensor:
    return points[:, 0] - points[:, 1]  # one logit: class 1 where x is greater than y


class Diagonal(torch.nn.Module):
    def forward(self, points: torch.Tensor) -> torch.Tensor:
        assert not self.training
        logit = below_the_diagonal(points)
        return torch.stack([-logit, logit], dim=1)


@pytest.mark.parametrize("model", [below_the_diagonal, Diagonal()])
def test_decision_boundary_is_the_right_way_up(model: object) -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    ax = plots.decision_boundary(model, points, torch.tensor([0, 1, 0, 0]), resolution=50)
    (image,) = ax.images
    answers, (left, right, bottom, top) = image.get_array(), image.get_extent()
    assert image.origin == "lower"
    for x, y in ((0.9, 0.1), (0.1, 0.9)):
        row, column = (y - bottom) / (top - bottom) * 49, (x - left) / (right - left) * 49
        assert answers[round(row), round(column)] == (x > y)
    line = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
    assert np.abs(line[:, 0] - line[:, 1]).max() < 2 / 49
    shown = {k: set(map(tuple, line.get_xydata().tolist())) for k, line in enumerate(ax.lines)}
    assert shown == {0: {(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)}, 1: {(1.0, 0.0)}}
    if isinstance(model, torch.nn.Module):
        assert model.training


def test_a_boundary_that_is_not_there_is_not_drawn() -> None:
    ax = plots.decision_boundary(lambda points: torch.zeros(len(points), 3), torch.rand(5, 2), torch.zeros(5))
    assert len(ax.collections) == 0


def test_weight_images_show_the_first_layer() -> None:
    model = mlp(hidden=(5,))
    axes = plots.weight_images(model, columns=3)
    assert len(axes) == 5
    for ax, row in zip(axes, model[1].weight.detach(), strict=True):
        assert np.allclose(ax.images[0].get_array(), row.reshape(28, 28))
        low, high = ax.images[0].get_clim()
        assert -low == high == pytest.approx(row.abs().max().item())
    assert len(plots.weight_images(torch.rand(10, 1, 3, 3), count=4)) == 4
    colour = plots.weight_images(torch.randn(2, 3, 5, 5))[0].images[0].get_array()
    assert colour.shape == (5, 5, 3)
    assert 0 <= colour.min() < colour.max() <= 1
    assert len(plots.weight_images(two_layer())) == 50  # 3072 = 3·32·32
    with pytest.raises(InputError, match=r"6 weights per unit are no image .* give image_shape="):
        plots.weight_images(torch.rand(2, 6))
    assert len(plots.weight_images(torch.rand(2, 6), image_shape=(1, 2, 3))) == 2


def test_loss_contours_follow_the_function_and_the_path() -> None:
    path = torch.tensor([[1.5, 1.0], [0.5, 0.25], [0.0, 0.0]])
    ax = plots.loss_contours(lambda x, y: x**2 + 4 * y**2, path=path, levels=[1.0])
    circle = np.concatenate([path.vertices for path in ax.collections[0].get_paths()])
    assert np.allclose(circle[:, 0] ** 2 + 4 * circle[:, 1] ** 2, 1, atol=0.01)
    assert np.allclose(ax.lines[0].get_xydata(), path)
    assert np.allclose(ax.lines[1].get_xydata(), path[:1])
    slow = np.vectorize(lambda x, y: float(x) + float(y))
    assert len(plots.loss_contours(slow, resolution=5).collections) == 1
    with pytest.raises(InputError, match=r"path has the shape \(3,\)"):
        plots.loss_contours(lambda x, y: x + y, path=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"function returned the shape \(\)"):
        plots.loss_contours(lambda x, y: 3.0)
