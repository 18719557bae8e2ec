"""The search in one process: each method, the same twice, and what is left of the winner."""

import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import optuna
import pandas as pd
import pytest
import torch
from quick import BASE, SPACE, known

from cnnlab.errors import InputError
from cnnlab.experiments import Recipe, compare, final
from cnnlab.tuning import METHODS, Log, search
from cnnlab.tuning.engine import rungs
from cnnlab.tuning.settings import with_values


@pytest.mark.parametrize("method", METHODS)
def test_twice_the_same(method: str) -> None:
    recipe = replace(BASE, training={**BASE.training, "epochs": 9}) if method == "halving" else BASE
    one, two = (search(recipe, SPACE, method, trials=9, jobs=1, cache=False) for _ in range(2))
    assert len(one.table) == 9
    drop = ["seconds"]
    pd.testing.assert_frame_equal(
        one.table.drop(columns=drop), two.table.drop(columns=drop), check_exact=True
    )
    other = search(recipe, SPACE, method, trials=9, jobs=1, seed=1).table
    assert not other["lr"].equals(one.table["lr"])


def test_on_two_processes_the_same_trials() -> None:
    one, two = (
        search(BASE, SPACE, "coarse-to-fine", trials=6, jobs=jobs, cache=False).table for jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"), check_exact=True)


def test_a_trial_is_worth_what_compare_says() -> None:
    found = search(BASE, SPACE, trials=4, seeds=(3, 5), metric="loss", jobs=1)
    for row in found.table.to_dict("records"):
        recipe = with_values(BASE, {name: row[name] for name in SPACE})
        runs = final(compare({"": recipe}, seeds=(3, 5), jobs=1))
        assert row["value"] == runs["loss"].mean()
    assert found.best_value == found.table["value"].min()
    assert found.best["lr"] == found.table.loc[found.table["value"].idxmin(), "lr"]


def test_a_grid_is_tried_in_full_and_once() -> None:
    table = search(BASE, {"lr": Log(1e-3, 1e-1), "batch_size": [8, 16]}, "grid", jobs=1).table
    assert len(table) == len(table[["lr", "batch_size"]].drop_duplicates()) == 6
    assert len(search(BASE, SPACE, "grid", levels=3, trials=4, jobs=1).table) == 4


def test_coarse_to_fine_follows_an_edge() -> None:
    """The best value lies five powers of ten outside: a search in the given range cannot find it."""
    recipe, space = known(center=3.0), {"x": Log(1e-6, 1e-2)}
    moving = search(recipe, space, "coarse-to-fine", metric="loss", trials=40, stages=5, jobs=1)
    still = search(recipe, space, "random", metric="loss", trials=40, jobs=1)
    assert moving.ranges["then"].tolist()[:2] == ["moved", "moved"]
    assert abs(np.log10(float(moving.best["x"])) - 3) < 1
    assert still.at_edge() == ["x"]
    assert np.log10(float(still.best["x"])) <= -2


def test_tpe_learns_from_its_trials() -> None:
    recipe, space = known(center=-1.0), {"x": Log(1e-6, 1e6)}
    tpe, plain = (search(recipe, space, m, metric="loss", trials=40, jobs=1).table for m in ("tpe", "random"))
    late = lambda table: abs(np.log10(table["x"][20:].astype(float)) + 1).mean()  # noqa: E731
    assert late(tpe) < 0.5 * late(plain)


def test_halving_stops_the_worse_ones_early_at_the_values_of_a_shorter_run() -> None:
    recipe = replace(BASE, training={**BASE.training, "epochs": 9})
    table = search(recipe, SPACE, "halving", trials=12, metric="loss", jobs=1).table
    assert set(table["state"]) == {"complete", "pruned"}
    assert set(table["epochs"]) <= {1, 3, 9}
    assert table["epochs"].sum() < 0.7 * 9 * 12
    for row in table[table["state"] == "pruned"].to_dict("records")[:3]:
        short = with_values(recipe, {name: row[name] for name in SPACE})
        short = replace(short, training={**short.training, "epochs": row["epochs"]})
        assert row["value"] == final(compare({"": short}, [0], jobs=1))["loss"].iloc[0]
    assert [rungs(n) for n in (1, 2, 5, 9, 20)] == [[1], [1, 2], [1, 3, 5], [1, 3, 9], [2, 6, 20]]


def test_a_run_that_diverges_is_the_worst_and_stops_nothing() -> None:
    found = search(BASE, {"lr": [0.05, 1e30]}, "grid", jobs=1)
    row = found.table.set_index("lr").loc[1e30]
    assert (row["value"], row["state"]) == (0.0, "complete")
    assert row["failure"].startswith("Diverged")
    assert found.best == {"lr": 0.05}
    with pytest.raises(InputError, match="no trial was trained to its end"):
        _ = search(BASE, {"lr": [1e30]}, "grid", jobs=1).best


def broken(lr: float = 0.1) -> Recipe:
    return replace(BASE, data=partial(missing, lr=lr))


def missing(*, seed: int, lr: float) -> None:
    raise MemoryError("no room")


def test_a_trial_that_fails_otherwise_is_counted_and_named() -> None:
    with pytest.raises(InputError, match=r"no trial finished.*MemoryError: no room"):
        search(broken, {"lr": (0.1, 1.0)}, trials=2, jobs=1)


def test_the_winner_is_confirmed_on_fresh_seeds_only() -> None:
    found = search(BASE, SPACE, trials=4, seeds=(0, 1), jobs=1)
    with pytest.raises(InputError, match=r"used the seeds \[1\]"):
        found.confirm([1, 2], jobs=1)
    runs = found.confirm(range(10, 13), test=True, jobs=1)
    alone = compare({"winner": with_values(BASE, found.best)}, range(10, 13), test=True, jobs=1)
    columns = ["seed", "epoch", "split", "loss", "accuracy"]
    mine = runs[runs["variant"] == "winner"][columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, alone[columns], check_exact=True)


def test_the_test_set_is_for_one_winner() -> None:
    found = search(BASE, {"lr": [1e-4, 0.5]}, "grid", trials=1, jobs=1)
    found.confirm(range(10, 12), test=True, jobs=1)
    found.confirm(range(10, 12), test=True, jobs=1)  # the same look again
    found.study.set_user_attr("test set", {"lr": 123.0})
    with pytest.raises(InputError, match="no longer tests"):
        found.confirm(range(10, 12), test=True, jobs=1)
    found.confirm(range(10, 12), jobs=1)


def test_importances_name_what_matters() -> None:
    found = search(
        known(center=0.0), {"x": Log(1e-3, 1e3), "other": (0.0, 1.0)}, metric="loss", trials=30, jobs=1
    )
    shares = found.importances()
    assert shares["x"] > 0.9
    assert shares.sum() == pytest.approx(1)
    staged = search(
        known(center=3.0),
        {"x": Log(1e-6, 1e-2), "other": (0.0, 1.0)},
        "coarse-to-fine",
        metric="loss",
        trials=30,
        jobs=1,
    )
    assert staged.importances()["x"] > 0.8  # though the range has moved between the stages
    with pytest.raises(InputError, match="importances need"):
        search(BASE, SPACE, trials=2, jobs=1).importances()


def test_the_report_says_it_all() -> None:
    text = search(BASE, SPACE, trials=6, jobs=1).report(range(10, 13), jobs=1)
    for words in (
        "6 trials (random)",
        "best trial: lr = ",
        "too optimistic by",
        "default, test:",
        "importance: ",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "bayes"}, "unknown method"),
        ({"metric": "f1"}, "unknown metric"),
        ({"trials": 0}, "trials is 0"),
        ({"trials": None}, "no end"),
        ({"seconds": -1}, "seconds is -1"),
        ({"seeds": []}, "seeds is"),
        ({"seeds": [1, 1]}, "seeds is"),
        ({"jobs": 0}, "jobs is 0"),
        ({"space": {"learning": (1, 2)}}, "unknown hyperparameter of this recipe 'learning'"),
        ({"recipe": 3}, "recipe is a int"),
        ({"recipe": lambda lr: lr, "space": {"lr": (1.0, 2.0)}}, "must return a Recipe"),
        ({"recipe": broken, "space": {"rate": (1.0, 2.0)}}, "unknown parameter of broken 'rate'"),
        ({"method": "coarse-to-fine", "trials": 1}, "at least one per stage"),
        ({"method": "halving", "space": {"epochs": (1, 9)}}, "cannot search epochs"),
    ],
)
def test_settings_out_of_range(changes: dict[str, object], words: str) -> None:
    given: dict[str, object] = {"recipe": BASE, "space": SPACE, "trials": 3} | changes
    with pytest.raises(InputError, match=words):
        search(**given)  # type: ignore[arg-type]


def test_what_a_name_stands_for() -> None:
    values = {"lr": 0.5, "momentum": 0.1, "batch_size": 7, "epochs": 3, "dropout": 0.2}
    made = with_values(BASE, values)
    group = made.training["optimizer"]([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]
    assert (group["lr"], group["momentum"]) == (0.5, 0.1)
    assert (made.training["batch_size"], made.training["epochs"]) == (7, 3)
    assert made.options["dropout"] == 0.2
    assert with_values(BASE, {}) == BASE


def test_time_is_a_budget_too() -> None:
    found = search(BASE, SPACE, seconds=0.3, jobs=1)
    assert 1 <= len(found.table) < 1000


def test_nothing_is_left_changed_or_printed(capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    search(BASE, SPACE, trials=2, jobs=1)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_without_optuna_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['optuna'] = None\n"
        "from cnnlab.tuning import search\n"
        "try: search(None, {})\n"
        "except ValueError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("InputError optuna is not installed")
    assert "cnnlab[tuning]" in done.stdout
