"""Comparisons: really paired, the same on any number of processes, failures kept, intervals as SciPy's."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from cnnlab.data import Dataset, Split
from cnnlab.errors import InputError
from cnnlab.experiments import Recipe, compare, differences, final, in_words, interval
from cnnlab.training import EarlyStopping


def dataset(*, seed: int) -> Dataset:
    """A random split of random images; labels follow from the images."""
    generator = torch.Generator().manual_seed(seed)

    def part(n: int) -> Split:
        images = torch.rand(n, 1, 2, 2, generator=generator)
        return Split(images, images.flatten(1).argmax(dim=1))

    return Dataset("random", tuple("abcd"), part(48), part(40), part(40))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLAB_CACHE", str(tmp_path))


SMALL = {"inputs": 4, "hidden": (8,), "classes": 4}
BASE = Recipe(data=dataset, options=SMALL, training={"epochs": 2, "batch_size": 16, "device": "cpu"})
EXPLODING = replace(BASE, training={**BASE.training, "optimizer": partial(torch.optim.SGD, lr=1e30)})


class Spy(nn.Module):
    """Puts on record how it starts and what it sees; a list of one's own per call of `spy`."""

    def __init__(self, record: list[torch.Tensor], dropout: float) -> None:
        super().__init__()
        self.layer, self.dropout, self.record = nn.Linear(4, 4), nn.Dropout(dropout), record

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.record:
            self.record.append(self.layer.weight.detach().clone())
        if self.training:
            self.record.append(x.clone())
        return self.layer(self.dropout(x.flatten(1)))


def test_runs_of_a_seed_share_split_weights_and_batches() -> None:
    records: dict[str, list[torch.Tensor]] = {"plain": [], "dropout": []}
    recipes = {
        name: replace(BASE, model=partial(Spy, dropout=p), options={"record": records[name]})
        for (name, p) in (("plain", 0.0), ("dropout", 0.5))
    }
    compare(recipes, seeds=[5], jobs=1)
    assert len(records["plain"]) == 1 + 2 * 3  # initial weights, then two epochs of three batches
    for a, b in zip(records["plain"], records["dropout"], strict=True):
        assert torch.equal(a, b)
    assert any(
        torch.equal(image, shown) for image in dataset(seed=5).train.images for shown in records["plain"][1]
    )


def test_seeds_differ_in_split_and_weights() -> None:
    records: list[list[torch.Tensor]] = [[], []]
    for seed, record in enumerate(records):
        recipe = replace(BASE, model=partial(Spy, dropout=0.0), options={"record": record})
        compare({"plain": recipe}, seeds=[seed], jobs=1)
    assert not torch.equal(records[0][0], records[1][0])
    assert not torch.equal(records[0][1], records[1][1])


def test_twice_the_same_bits_and_on_any_number_of_processes() -> None:
    variants = {"plain": BASE, "dropout": BASE.change(dropout=0.5)}
    alone, again = (compare(variants, seeds=range(2), jobs=1, cache=False) for _ in range(2))
    two = compare(variants, seeds=range(2), jobs=2)
    for other in (again, two):
        pd.testing.assert_frame_equal(
            alone.drop(columns="seconds"), other.drop(columns="seconds"), check_exact=True
        )
    # The processes that did the runs have kept them.
    assert two.attrs["cached"] == 0
    assert compare(variants, seeds=range(2), jobs=1).attrs["cached"] == 4


def test_the_environment_sets_the_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    kind = joblib.Parallel

    def parallel(n_jobs: int, **options: Any) -> Any:
        asked.append(n_jobs)
        return kind(n_jobs=1, **options)

    monkeypatch.setattr(joblib, "Parallel", parallel)
    for number in ("1", "3", "100"):
        monkeypatch.setenv("CNNLAB_JOBS", number)
        compare({"a": BASE}, seeds=range(4), cache=False)
    assert asked == [1, 3, 4]  # never more than there are runs
    for wrong in ("0", "-2", "two", "1.5", ""):
        monkeypatch.setenv("CNNLAB_JOBS", wrong)
        with pytest.raises(InputError, match=f"CNNLAB_JOBS is '{wrong}'; it must be a whole number"):
            compare({"a": BASE}, seeds=[0], cache=False)


def test_the_table_is_tidy() -> None:
    table = compare({"plain": BASE}, seeds=[3, 4], jobs=1)
    columns = [
        "variant",
        "seed",
        "epoch",
        "split",
        "loss",
        "accuracy",
        "failure",
        "seconds",
        "stopped",
        "kept",
    ]
    assert list(table.columns) == columns
    assert (table["seconds"] > 0).all()
    assert (table["stopped"] == 2).all()
    assert (table["kept"] == 2).all()
    assert table.groupby(["variant", "seed", "epoch", "split"]).size().eq(1).all()
    assert set(table["split"]) == {"train", "validation"}
    assert (table["failure"] == "").all()


def test_the_test_split_is_measured_on_request_only() -> None:
    table = compare({"plain": BASE}, seeds=[0, 1], jobs=1, test=True)
    rows = table[table["split"] == "test"]
    assert list(rows["epoch"]) == [2, 2]
    assert len(final(table, "test")) == 2


def test_the_global_state_is_left_alone() -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    compare({"plain": BASE.change(dropout=0.5)}, seeds=[0], jobs=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_a_diverging_run_is_a_row_with_a_reason() -> None:
    table = compare({"plain": BASE, "exploding": EXPLODING}, seeds=[0, 1], jobs=1)
    failed = table[table["failure"] != ""]
    assert list(failed["variant"]) == ["exploding"] * 2
    assert failed["failure"].str.match(r"Diverged: the training loss became (nan|inf) at epoch 1, step").all()
    assert (failed["epoch"] == 1).all()
    assert failed["loss"].isna().all()
    assert set(final(table)["variant"]) == {"plain"}
    row = differences(table, "plain").iloc[0]
    assert (row["verdict"], row["pairs"], row["failed"]) == ("not comparable", 0, 2)
    assert row[["mean", "low", "high"]].isna().all()
    assert in_words(row) == "not comparable: 2 seeds failed, 0 finished"


def test_a_failure_in_one_seed_leaves_the_others() -> None:
    def data(*, seed: int) -> Dataset:
        if seed == 1:
            raise RuntimeError("the disk is gone")
        return dataset(seed=seed)

    table = compare({"a": BASE, "b": replace(BASE, data=data)}, seeds=range(3), jobs=1)
    assert list(table.loc[table["failure"] != "", "failure"]) == ["RuntimeError: the disk is gone"]
    (row,) = differences(table, "a").itertuples()
    assert (row.pairs, row.failed, row.mean) == (2, 1, 0.0)


def test_when_every_run_failed_the_reason_is_given() -> None:
    table = compare({"exploding": EXPLODING}, seeds=[0], jobs=1)
    with pytest.raises(InputError, match=r"no run finished.*Diverged: the training loss"):
        final(table)


def test_early_stopping_counts_at_the_epoch_whose_weights_are_kept() -> None:
    stopping = EarlyStopping(1, min_delta=10.0)  # nothing is an improvement on the first epoch
    recipe = replace(BASE, training={**BASE.training, "epochs": 9, "after_epoch": [stopping]})
    table = compare({"stopped": recipe}, seeds=[0, 1], jobs=1, test=True)
    assert set(table["stopped"]) == {2}
    assert set(table["kept"]) == {1}
    assert stopping.best_epoch == 0  # every run has a copy of its own
    for split in ("validation", "test"):
        assert list(final(table, split)["epoch"]) == [1, 1]
    one = compare(
        {"one epoch": replace(BASE, training={**BASE.training, "epochs": 1})}, [0, 1], jobs=1, test=True
    )
    for split in ("validation", "test"):
        assert list(final(table, split)["loss"]) == list(final(one, split)["loss"])
    last = replace(
        recipe, training={**recipe.training, "after_epoch": [EarlyStopping(1, min_delta=10.0, restore=False)]}
    )
    assert set(compare({"last": last}, seeds=[0], jobs=1)["kept"]) == {2}


def test_an_unknown_training_option_is_refused() -> None:
    recipe = replace(BASE, training={"epoch": 3})
    with pytest.raises(InputError, match=r"unknown training option 'epoch'. Did you mean 'epochs'"):
        compare({"a": recipe}, seeds=[0])
    with pytest.raises(InputError, match=r"unknown training option 'checkpoint'"):
        compare({"a": replace(BASE, training={"checkpoint": "run.pt"})}, seeds=[0])


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to compare: 0 variants, 8 seeds"):
        compare({})
    with pytest.raises(InputError, match="nothing to compare: 1 variants, 0 seeds"):
        compare({"a": BASE}, seeds=[])


def test_an_unknown_option_stops_before_training() -> None:
    def data(*, seed: int) -> Dataset:
        raise AssertionError("nothing may be loaded")

    recipes = {"good": replace(BASE, data=data), "bad": BASE.change(droput=0.5)}
    with pytest.raises(InputError, match=r"unknown option of mlp 'droput'"):
        compare(recipes, seeds=[0], jobs=1)


def made_up(**accuracies: list[float]) -> pd.DataFrame:
    """A table with these final accuracies, one per seed, and better ones an epoch before."""
    rows: list[dict[str, Any]] = []
    for variant, values in accuracies.items():
        for seed, value in enumerate(values):
            common = {"variant": variant, "seed": seed, "split": "validation", "failure": ""}
            rows.append({**common, "epoch": 1, "accuracy": 0.99, "loss": 0.0})
            rows.append({**common, "epoch": 2, "accuracy": value, "loss": 1 - value})
    return pd.DataFrame(rows)


BEFORE = [0.50, 0.60, 0.70, 0.55]
AFTER = [0.52, 0.63, 0.71, 0.59]


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_the_interval_is_scipys(confidence: float) -> None:
    expected = stats.t.interval(confidence, 3, loc=np.mean(BEFORE), scale=stats.sem(BEFORE))
    low, mean, high = interval(BEFORE, confidence)
    assert (low, high) == pytest.approx(expected, rel=1e-12)
    assert mean == pytest.approx(np.mean(BEFORE), rel=1e-12)


def test_differences_are_paired_and_taken_at_the_last_epoch() -> None:
    (row,) = differences(made_up(a=BEFORE, b=AFTER), "a").itertuples()
    each = np.subtract(AFTER, BEFORE)
    assert row.mean == pytest.approx(each.mean())
    assert (row.low, row.high) == pytest.approx(
        stats.t.interval(0.95, 3, loc=each.mean(), scale=stats.sem(each))
    )
    assert (row.pairs, row.failed, row.verdict) == (4, 0, "better")


@pytest.mark.parametrize(
    ("after", "metric", "verdict"),
    [
        (AFTER, "accuracy", "better"),
        (AFTER, "loss", "better"),
        ([0.48, 0.57, 0.69, 0.51], "accuracy", "worse"),
        ([0.48, 0.57, 0.69, 0.51], "loss", "worse"),
        ([0.52, 0.57, 0.71, 0.54], "accuracy", "no difference shown"),
        ([0.52, 0.57, 0.71, 0.54], "loss", "no difference shown"),
    ],
)
def test_a_verdict_needs_an_interval_without_zero(after: list[float], metric: str, verdict: str) -> None:
    (row,) = differences(made_up(a=BEFORE, b=after), "a", metric=metric).itertuples()
    assert row.verdict == verdict
    assert in_words(row).startswith(verdict)


def test_a_result_in_words() -> None:
    better, worse, none = (
        in_words(next(differences(made_up(a=BEFORE, b=after), "a").itertuples()))
        for after in (AFTER, [0.48, 0.57, 0.69, 0.51], [0.52, 0.57, 0.71, 0.54])
    )
    assert better == "better by 2.5 percentage points (95 % interval +0.4 to +4.6)"
    assert worse == "worse by 2.5 percentage points (95 % interval −4.6 to −0.4)"
    assert none == "no difference shown (mean −0.3 percentage points, 95 % interval −3.8 to +3.3)"


def test_unknown_names_are_listed() -> None:
    table = made_up(a=BEFORE, b=AFTER)
    with pytest.raises(InputError, match=r"unknown variant 'c'.*a, b"):
        differences(table, "c")
    with pytest.raises(InputError, match=r"unknown metric 'f1'.*accuracy, loss"):
        differences(table, "a", metric="f1")
    with pytest.raises(InputError, match=r"unknown split 'test'.*validation"):
        differences(table, "a", split="test")


def test_one_run_has_no_interval() -> None:
    with pytest.raises(InputError, match="at least two finished runs; there are 1"):
        interval([0.5])
