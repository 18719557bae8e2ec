"""A disk that is full or read-only: one sentence, no traceback, nothing lost, and the next run goes on."""

import csv
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cnnlab.errors import InputError, in_a_sentence


@pytest.fixture
def small_disk(tmp_path: Path, root: Path) -> Iterator[Path]:
    """The repository with the tiny assignment on a disk of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield shutil.copytree(root, place / "repository")
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def submit_there(small_disk: Path, root: Path, submit: Any) -> Callable[[str, Any], None]:
    def put(student: str, notebook: Any) -> None:
        target = small_disk / "course/submitted" / student / "tiny/tiny.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(submit(student, notebook), target)

    return put


def marks(root: Path) -> dict[str, float]:
    with (root / "course/grades.csv").open() as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            return path


def test_a_full_disk(small_disk: Path, submit_there: Any, run: Any, answered: Any) -> None:
    submit_there("ada", answered())
    assert run("cnnlab", "grade", "tiny", cwd=small_disk).returncode == 0
    for number in range(9):
        submit_there(f"new{number}", answered())
    filler = fill(small_disk)
    result = run("cnnlab", "grade", "tiny", cwd=small_disk)
    said = result.stdout + result.stderr
    assert result.returncode in (1, 2), said
    assert "Traceback" not in said
    assert "full" in said or "No space left" in said
    assert "then run the command again" in " ".join(said.split())

    filler.unlink()
    result = run("cnnlab", "grade", "tiny", cwd=small_disk)
    assert result.returncode == 0, result.stdout + result.stderr
    assert marks(small_disk) == dict.fromkeys(["ada", *(f"new{number}" for number in range(9))], 5)


def test_a_read_only_disk(small_disk: Path, submit_there: Any, run: Any, answered: Any) -> None:
    submit_there("ada", answered())
    assert run("cnnlab", "grade", "tiny", cwd=small_disk).returncode == 0
    disk = str(small_disk.parent)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for command in (
        ("grade", "tiny", "--force"),
        ("report", "tiny"),
        ("feedback", "tiny"),
        ("export", "canvas", "tiny"),
        ("due", "tiny", "--late", "zero"),
        ("due", "tiny", "2026-12-01"),
        ("release", "--force"),
    ):
        result = run("cnnlab", *command, cwd=small_disk)
        assert result.returncode == 2, (command, result.stdout, result.stderr)
        assert "Traceback" not in result.stderr, command
        assert result.stderr.strip().splitlines()[-1].startswith("cnnlab: "), (command, result.stderr)
    result = run(
        "cnnlab", "collect", "exercises", "tiny", cwd=small_disk
    )  # one of perhaps many in an archive
    assert result.returncode == 1
    assert "cannot be written (Read-only file system)" in result.stdout
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    result = run("cnnlab", "grade", "tiny", cwd=small_disk)
    assert "(unchanged)" in result.stdout
    assert marks(small_disk) == {"ada": 5}


def test_mistakes_of_the_program_are_no_sentence() -> None:
    assert in_a_sentence(InputError("no.")) == "no."
    assert in_a_sentence(ZeroDivisionError("x")) is None
    assert in_a_sentence(FileNotFoundError(2, "No such file", "x")) is None
    assert in_a_sentence(PermissionError(13, "Permission denied", "x")) is not None
