"""The explorer of learning rates shows the runs it was given, and refuses what are none."""

from collections.abc import Callable
from typing import Any

import pytest

from cnnlab.errors import InputError
from cnnlab.widgets.learning_rate import LearningRateExplorer


def run(rate: float, train: list[float], end: str = "") -> dict[str, Any]:
    return {"rate": rate, "train": train, "validation": [v + 0.1 for v in train], "end": end}


RUNS = [
    run(1e-6, [2.3026, 2.3025, 2.3024]),
    run(0.001, [2.2, 2.0, 1.8, 1.6, 1.4, 1.2]),
    run(0.05, [1.0, 0.4, 0.2, 0.1, 0.05, 0.04]),
    run(0.5, [1.0, 1.4, 0.9, 1.3, 0.8, 1.2]),
    run(5.0, [], "the training loss is inf in epoch 1, step 3."),
]
USE = "for (const chosen of [0, 1, 2, 3, 4]) { move('learning rate', chosen); print(words()); }"


def test_each_rate_shows_its_run_and_what_it_says(browse: Callable[..., list[str]]) -> None:
    lines = browse(LearningRateExplorer(RUNS, guess=2.3026), USE)
    assert "nothing is learned" in lines[0]
    assert "2.302" in lines[0]
    assert "still falling" in lines[1]
    assert "good range" in lines[2]
    assert "training loss is 0.040, the validation loss 0.140" in lines[2]
    assert "up and down" in lines[3]
    assert "diverged" in lines[4]
    assert "inf in epoch 1" in lines[4]


@pytest.mark.parametrize(
    ("runs", "options", "message"),
    [
        (RUNS[:1], {}, "at least two runs whose rates rise"),
        (RUNS[::-1], {}, "at least two runs whose rates rise"),
        ([{"rate": 0.1, "train": []}, RUNS[3]], {}, "it needs rate, train, validation and end"),
        (RUNS, {"chosen": 5}, "must be from 0 to 4"),
    ],
)
def test_what_are_no_runs_is_refused(runs: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LearningRateExplorer(runs, **options)
