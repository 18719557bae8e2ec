"""Processes that grade stay on a core each."""

import os
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from cnnlab.grading import cores

FORK = get_context("fork")


def claim(claimed: Barrier, looked: Barrier) -> None:
    cores.claim()
    claimed.wait(30)
    looked.wait(30)


def placed(processes: int) -> list[list[int]]:
    """The cores of so many processes that have claimed one."""
    claimed, looked = FORK.Barrier(processes + 1), FORK.Barrier(processes + 1)
    started = [FORK.Process(target=claim, args=(claimed, looked)) for _ in range(processes)]
    for process in started:
        process.start()
    claimed.wait(30)
    found = [sorted(os.sched_getaffinity(process.pid or 0)) for process in started]
    looked.wait(30)
    for process in started:
        process.join()
    return found


def test_each_has_one_of_its_own_as_long_as_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "NAME", f"\0cnnlab-test-{os.getpid()}-")  # others may grade here meanwhile
    usable = sorted(os.sched_getaffinity(0))
    alone = [[core] for core in usable]
    found = placed(len(usable) + 1)
    assert sorted(found, key=lambda place: (len(place), place)) == [*alone, usable]  # one is too many
    assert placed(1)[0] in alone  # a claim ends with its process
    assert sorted(os.sched_getaffinity(0)) == usable


def test_halves_of_a_core_are_taken_one_by_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cores, "TOPOLOGY", tmp_path)
    for core, siblings in enumerate(("0-1", "0-1", "2,4", "3", "2,4")):
        folder = tmp_path / f"cpu{core}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{siblings}\n")
    assert sorted(range(6), key=cores._rank) == [0, 2, 3, 5, 1, 4]  # nothing is known of the last
