"""A study on disk or in a database: killed, resumed, shared; and what cannot be used is left as it is."""

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil
import pytest
import servers
from quick import BASE, SPACE, watched

from cnnlab.errors import InputError
from cnnlab.tuning import search, storage

HERE = Path(__file__).parent
PROGRAM = """
import json, sys
sys.path.insert(0, {here!r})
from pathlib import Path
from quick import SPACE, watched
from cnnlab.tuning import search
recipe = watched({seconds}, Path({log!r}))
options = dict(trials={trials}, jobs={jobs}, storage={place!r}, name={name!r}, cache=False)
found = search(recipe, SPACE, {method!r}, **options)
print(json.dumps([len(found.table), found.table["value"].isna().sum().item(), found.best]))
"""


def start(
    place: str,
    log: Path,
    *,
    method: str = "random",
    trials: int = 8,
    jobs: int = 1,
    seconds: float = 0.4,
    name: str = "search",
) -> subprocess.Popen[str]:
    text = PROGRAM.format(
        here=str(HERE),
        place=place,
        log=str(log),
        method=method,
        trials=trials,
        jobs=jobs,
        seconds=seconds,
        name=name,
    )
    return subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(log: Path, word: str) -> int:
    return log.read_text().count(word) if log.exists() else 0


def wait_for(log: Path, word: str, count: int) -> None:
    end = time.monotonic() + 240
    while lines(log, word) < count:
        assert time.monotonic() < end, "the search does not get on"
        time.sleep(0.02)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_search_goes_on_as_if_nothing_had_been(tmp_path: Path, jobs: int) -> None:
    log, place = tmp_path / "log", str(tmp_path / "study.db")
    process = start(place, log, method="tpe" if jobs == 1 else "random", jobs=jobs)
    wait_for(log, "begun", 4)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _, living = psutil.wait_procs(children, timeout=30)
    assert not living  # nothing trains on for nobody
    before = lines(log, "trained")
    with sqlite3.connect(place) as database:
        (left,) = database.execute("SELECT count(*) FROM trials WHERE state = 'RUNNING'").fetchone()
    assert left >= 1

    method = "tpe" if jobs == 1 else "random"
    resumed = search(watched(0.4, log), SPACE, method, trials=8, jobs=1, storage=place, cache=False)
    assert len(resumed.table) == 8
    assert set(resumed.table["state"]) == {"complete"}
    # What was finished was not trained again; what was not, was.
    assert 8 - before <= lines(log, "trained") - before <= 8 - before + jobs
    whole = search(watched(0.4, log), SPACE, method, trials=8, jobs=1, cache=False)
    pd.testing.assert_frame_equal(
        resumed.table.drop(columns="seconds"), whole.table.drop(columns="seconds"), check_exact=True
    )


def test_more_trials_go_on_where_a_search_ended(tmp_path: Path) -> None:
    place = tmp_path / "study.db"
    first = search(BASE, SPACE, trials=3, jobs=1, storage=place).table
    again = search(BASE, SPACE, trials=3, jobs=1, storage=place).table
    more = search(BASE, SPACE, trials=6, jobs=1, storage=place).table
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    pd.testing.assert_frame_equal(more.head(3), first, check_exact=True)
    assert more["lr"].nunique() == 6  # a sampler that starts again would repeat the first three
    alone = search(BASE, SPACE, trials=6, jobs=1).table
    pd.testing.assert_frame_equal(
        more.drop(columns="seconds"), alone.drop(columns="seconds"), check_exact=True
    )


def test_an_interrupted_trial_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnlab.tuning import work

    place, calls = tmp_path / "study.db", []

    def interrupted(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)  # type: ignore[arg-type]

    original = work.evaluate
    monkeypatch.setattr(work, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(BASE, SPACE, "tpe", trials=4, jobs=1, storage=place)
    start = time.monotonic()
    found = search(BASE, SPACE, "tpe", trials=4, jobs=1, storage=place).table
    assert time.monotonic() - start < storage.LOCAL[1]  # nobody has to be waited for
    alone = search(BASE, SPACE, "tpe", trials=4, jobs=1).table
    pd.testing.assert_frame_equal(
        found.drop(columns="seconds"), alone.drop(columns="seconds"), check_exact=True
    )


@pytest.mark.parametrize("fate", ["decides", "dies"])
def test_a_trial_that_another_worker_may_not_need_moves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    """It was asked for, has no values yet, and is dropped: those after it are drawn as if it had not been."""
    from optuna.trial import TrialState

    monkeypatch.setattr(storage, "LOCAL", (1, 3))
    place = tmp_path / "study.db"
    other = search(BASE, SPACE, trials=2, jobs=1, storage=place).study
    with storage.quiet():
        held = other.ask()
    drop = threading.Timer(1, lambda: other.tell(held, state=TrialState.FAIL))
    if fate == "decides":
        drop.start()
    found = search(BASE, SPACE, trials=5, jobs=1, storage=place).table
    if fate == "decides":
        drop.join()
    storage.close(other)
    alone = search(BASE, SPACE, trials=5, jobs=1).table
    pd.testing.assert_frame_equal(
        found.drop(columns="seconds"), alone.drop(columns="seconds"), check_exact=True
    )


def test_a_worker_stays_until_the_budget_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others were faster at every second trial, and nothing runs at the moment: the next stage is to come."""
    from cnnlab.tuning import work

    calls: list[int] = []

    def slower(*arguments: object) -> object:
        calls.append(1)
        return original(*arguments) if len(calls) % 2 else None  # type: ignore[arg-type]

    original = work._claim
    monkeypatch.setattr(work, "_claim", slower)
    assert len(search(BASE, SPACE, "coarse-to-fine", trials=5, jobs=1).table) == 5
    assert len(calls) >= 10


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"space": {"lr": (1e-3, 1.0), "weight_decay": (1e-6, 1e-1)}}, "its space was"),
        ({"method": "tpe"}, "its method was random, not tpe"),
        ({"seeds": (1,)}, "its seeds was"),
        ({"metric": "loss"}, "another metric"),
        ({"recipe": replace(BASE, training={**BASE.training, "epochs": 3})}, "its recipe was"),
    ],
)
def test_a_study_of_another_search(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    place = tmp_path / "study.db"
    given: dict[str, object] = {"recipe": BASE, "space": SPACE, "trials": 2, "jobs": 1, "storage": place}
    table = search(**given).table  # type: ignore[arg-type]
    with pytest.raises(InputError, match=words):
        search(**(given | changes))  # type: ignore[arg-type]
    assert len(search(**(given | changes | {"name": "another"})).table) == 2  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(search(**given).table, table)  # type: ignore[arg-type]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("damage", ["text", "truncated", "torn", "other"])
def test_a_file_that_is_no_study_is_left_as_it_is(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "study.db"
    if damage == "other":
        with sqlite3.connect(place) as database:
            database.execute("CREATE TABLE songs (name TEXT)")
        database.close()
    elif damage == "text":
        place.write_text("these are my notes, and I need them\n" * 200)
    else:
        search(BASE, SPACE, trials=2, jobs=1, storage=place)
        content = place.read_bytes()
        half = len(content) // 2
        place.write_bytes(
            content[:half] if damage == "truncated" else content[:4096] + b"\x55" * (len(content) - 4096)
        )
    before = digest(place)
    with pytest.raises(InputError, match=r"damaged|of something else|cannot be used") as caught:
        search(BASE, SPACE, trials=2, jobs=1, storage=place)
    assert "\n" not in str(caught.value)
    assert digest(place) == before


def test_a_locked_study_says_so_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "WAIT", 0.5)
    place = tmp_path / "study.db"
    search(BASE, SPACE, trials=2, jobs=1, storage=place)
    holder = sqlite3.connect(place)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="is locked by another program"):
        search(BASE, SPACE, trials=4, jobs=1, storage=place)
    holder.rollback()
    holder.close()
    assert len(search(BASE, SPACE, trials=4, jobs=1, storage=place).table) == 4


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("nowhere/study.db", "there is no folder nowhere"),
        (".", "is a folder"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "cannot be used"),
        ("nosuch://x", "cannot be used|it is no address"),
        ("://", "no address"),
    ],
)
def test_a_place_that_cannot_be_used(place: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        search(BASE, SPACE, trials=2, jobs=1, storage=place)
    assert "secret" not in str(caught.value)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a database on a server of our own."""
    if not servers.PROGRAMS:
        pytest.skip(servers.NOT_INSTALLED)
    with servers.postgres() as address:
        yield f"{address.replace('postgresql:', 'postgresql+psycopg:')}/postgres"


def test_workers_on_many_machines_share_a_budget(postgres: str, tmp_path: Path) -> None:
    """Three at once, on an empty database, from coarse to fine: the trials of a search on one machine."""
    log = tmp_path / "log"
    workers = [start(postgres, log, method="coarse-to-fine", trials=9, seconds=0.2) for _ in range(3)]
    ends = [worker.communicate(timeout=300) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0], [end[1][-1000:] for end in ends]
    assert lines(log, "trained") == 9
    told = [json.loads(end[0]) for end in ends]
    assert all(one[:2] == [9, 0] and one == told[0] for one in told)
    alone = search(watched(0.0, log), SPACE, "coarse-to-fine", trials=9, jobs=1, cache=False)
    assert told[0][2] == alone.best


def test_a_worker_that_is_killed_is_replaced(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "REMOTE", (1, 3))
    log, recipe = tmp_path / "log", watched(0.3, tmp_path / "log")
    worker = start(postgres, log, trials=6, seconds=0.3, name="killed")
    wait_for(log, "begun", 2)
    worker.kill()
    worker.communicate()
    found = search(recipe, SPACE, trials=6, jobs=1, storage=postgres, name="killed", cache=False)
    assert set(found.table["state"]) == {"complete"}
    assert len(found.table) == 6
