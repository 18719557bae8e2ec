"""The reader of learning curves, on real runs of every kind, and on tables that are none."""

from functools import partial

import pandas as pd
import pytest
import torch

from cnnlab.data import Dataset, load
from cnnlab.errors import InputError
from cnnlab.models import build, initialise
from cnnlab.training import Diverged, fit, l2
from cnnlab.training.diagnostics import read_curves
from cnnlab.training.diagnostics.curves import ADVICE

CLEAN = partial(load, "digits", train_size=400)
NOISY = partial(load, "digits", train_size=200, label_noise=0.3)
# rate, data, hidden units, epochs, penalty; what it is
RUNS = {
    "hardly moves": (1e-5, CLEAN, 50, 15, None, "rate too low"),
    "crawls": (3e-4, CLEAN, 50, 15, None, "rate too low"),
    "held by a penalty": (0.05, CLEAN, 50, 15, l2(1.0), "rate too low"),
    "good": (0.02, CLEAN, 50, 15, None, "fine"),
    "wild": (1.0, CLEAN, 50, 15, None, "rate too high"),
    "away": (100.0, CLEAN, 50, 15, None, "diverged"),
    "learns noise": (0.1, NOISY, 100, 100, None, "overfitting"),
    "too small": (0.02, CLEAN, 2, 60, None, "underfitting"),
}


def history(rate: float, data: Dataset, hidden: int, epochs: int, penalty: object, seed: int) -> object:
    model = build("two_layer", inputs=64, hidden=hidden)
    initialise(model, seed)
    optimizer = partial(torch.optim.SGD, lr=rate, momentum=0.9)
    options = {"epochs": epochs, "optimizer": optimizer, "penalty": penalty, "seed": seed, "device": "cpu"}
    try:
        return fit(model, data.train, data.validation, **options)
    except Diverged as error:
        return error


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("kind", RUNS)
def test_real_runs_are_named(kind: str, seed: int) -> None:
    rate, data, hidden, epochs, penalty, expected = RUNS[kind]
    reading = read_curves(history(rate, data(seed=seed), hidden, epochs, penalty, seed))
    assert reading.name == expected, reading.evidence
    assert reading.advice == ADVICE[expected]
    assert any(character.isdigit() for character in reading.evidence)


def test_every_name_is_met() -> None:
    assert {run[-1] for run in RUNS.values()} == set(ADVICE)


def table(train: list[float], validation: list[float], accuracy: float = 0.5) -> pd.DataFrame:
    rows = [
        {"epoch": epoch, "split": split, "loss": loss, "accuracy": accuracy}
        for epoch, pair in enumerate(zip(train, validation, strict=True), 1)
        for split, loss in zip(("train", "validation"), pair, strict=True)
    ]
    return pd.DataFrame(rows)


def test_a_loss_that_is_not_finite_has_diverged() -> None:
    assert read_curves(table([2.0, float("nan")], [2.0, 2.0])).name == "diverged"
    assert read_curves(table([2.0, 7.0], [2.0, 2.0])).name == "diverged"  # above 3 ln 10 = 6.9


def test_zigzags_near_zero_are_no_sign_of_a_high_rate() -> None:
    low = [2.0, 0.5, 0.01, 0.02, 0.01, 0.02, 0.01]
    assert read_curves(table(low, low, accuracy=1.0)).name == "fine"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (table([2.0] * 4, [2.0] * 4), "has 4 epochs; a reading needs at least 5"),
        (pd.DataFrame({"loss": [1.0]}), "needs the columns epoch, split, loss, accuracy"),
        (table([2.0] * 5, [2.0] * 5).query("split == 'train'"), "no rows of the split 'validation'"),
        (pd.concat([table([2.0] * 5, [2.0] * 5).assign(seed=seed) for seed in (0, 1)]), "several seeds"),
    ],
)
def test_what_is_no_history_is_refused(bad: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_curves(bad)
