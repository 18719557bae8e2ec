"""Grid and random search in the page, against NumPy."""

import json
import re
from collections.abc import Callable

import numpy as np
import pytest

from cnnlab.widgets.grid_random import GridRandom

USE = """
print(words());
print(["grid", "random"].map((kind) => module.points(kind, 4, 0)));
print([[0.3, 0.2], [0.5, 0.9]].map((point) => module.score(point, 0.45, 0.05)));
print(["grid", "random"].map((kind) => Array.from({ length: 200 }, (_, i) =>
  module.bestSoFar(module.points(kind, 4, 1 + i), 0.5, 0.05).at(-1))));
tour(["points tried", 5], ["values per axis", 7], ["weight of axis 2", 1], ["best value of 1", 0.25]);
press("Draw again");
print(words());
move("values per axis", 2);
move("points tried", 4);
press("One by one");
await wait(600);
print(words());
await wait(1500);
print(words());
move("points tried", 0);
print(words());
"""


@pytest.fixture(scope="module")
def lines(browse: Callable[..., list[str]]) -> list[str]:
    return browse(GridRandom(), USE)


def score(x: np.ndarray, y: np.ndarray, peak: float, weight: float) -> np.ndarray:
    narrow, wide = np.exp(-((x - peak) ** 2) / (2 * 0.08**2)), np.exp(-((y - 0.5) ** 2) / (2 * 0.5**2))
    return (narrow + weight * wide) / (1 + weight)


def test_a_grid_has_few_values_of_the_axis_that_matters(lines: list[str]) -> None:
    grid, random = map(np.array, json.loads(lines[1]))
    expected = np.stack(np.meshgrid(np.linspace(0, 1, 4), np.linspace(0, 1, 4)), axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(sorted(map(tuple, grid)), sorted(map(tuple, expected)))
    assert not np.allclose(grid, expected)  # in random order
    assert len(np.unique(random[:, 0])) == 16
    assert ((random >= 0) & (random < 1)).all()
    assert "tried 4 different values" in lines[0]
    assert "random search has tried 16" in lines[0]


def test_the_results_are_those_of_numpy(lines: list[str]) -> None:
    at = np.array([[0.3, 0.2], [0.5, 0.9]])
    np.testing.assert_allclose(json.loads(lines[2]), score(*at.T, 0.45, 0.05))
    grid, random = (score(*np.array(points).T, 0.5, 0.05).max() for points in json.loads(lines[1]))
    found = re.findall(r"found ([\d.]+)", lines[0].replace("found ", "found ").replace("; ", " ; "))
    assert [float(value.rstrip(".")) for value in found] == pytest.approx([grid, random], abs=6e-3)


def test_the_averages_are_over_other_draws(lines: list[str]) -> None:
    means = [np.mean(values) for values in json.loads(lines[3])]
    shown = re.search(r"other draws: ([\d.]+) on average for the grid, ([\d.]+) for random", lines[0])
    assert shown
    assert [float(value) for value in shown.groups()] == pytest.approx(means, abs=6e-3)
    assert means[1] > means[0] + 0.2  # four values of the axis that matters miss a narrow peak between them


def test_every_control_changes_what_is_said_and_points_come_one_by_one(lines: list[str]) -> None:
    assert len({lines[0], *lines[4:9]}) == 6
    counts = [int(re.search(r"After (\d+) points", line)[1]) for line in lines[9:]]  # type: ignore[index]
    assert 0 < counts[0] < 4
    assert counts[1:] == [4, 0]
