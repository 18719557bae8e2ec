"""A class of the tiny assignment through `cnnlab grade`: nobody is lost, nothing is stale or run twice."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from cnnlab.grading.launch import sweep


@pytest.fixture
def grade(run: Any, root: Path) -> Callable[..., tuple[int, str]]:
    """Runs `cnnlab grade tiny`; the exit code and what was printed, without colours."""

    def start(*options: object) -> tuple[int, str]:
        result = run("cnnlab", "grade", "tiny", *options, cwd=root)
        assert "Traceback" not in result.stdout + result.stderr
        return result.returncode, re.sub(r"\x1b\[[0-9;]*m", "", result.stdout + result.stderr)

    return start


@pytest.fixture
def scores(root: Path) -> Callable[[], dict[str, float | None]]:
    """Reads `grades.csv`: score by student, None for who has none."""

    def read() -> dict[str, float | None]:
        with (root / "course/grades.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert all((row["status"] == "graded") == bool(row["score"]) for row in rows)
        return {row["student_id"]: float(row["score"]) if row["score"] else None for row in rows}

    return read


def line(output: str, student: str) -> str:
    """What was said about a student first."""
    return next(text for text in output.splitlines() if f"  {student}  " in text)


BROKEN: dict[str, tuple[Callable[[str], bytes], str]] = {
    "empty": (lambda text: b"", "is empty, 0 bytes"),
    "truncated": (lambda text: text[: len(text) // 2].encode(), "is not complete JSON"),
    "utf16": (lambda text: text.encode("utf-16"), "is not UTF-8 text"),
    "nonsense": (lambda text: b'{"cells": 7, "nbformat": 4, "metadata": {}}', "is not a Jupyter notebook"),
    "list": (lambda text: b"[1, 2]", "is not a Jupyter notebook"),
    "deep": (lambda text: b"[" * 100_000, "is not complete JSON"),
    "foreign": (
        lambda text: nbformat.writes(nbformat.v4.new_notebook()).encode(),
        "is not the tiny assignment",
    ),
}


def test_a_broken_submission_stops_nobody(
    root: Path, grade: Any, scores: Any, submit: Any, answered: Any
) -> None:
    submit("ada", answered())
    notebook = answered(square="def square(x):\n    return 0")
    notebook.cells = [cell for cell in notebook.cells if cell.id != "check_square"]
    submit("zoë [*] o'neil, jr", notebook)
    for student, (damage, _) in BROKEN.items():
        path = submit(student, answered())
        path.write_bytes(damage(path.read_text()))
    submit("renamed", answered()).rename(root / "course/submitted/renamed/tiny/my solution.ipynb")

    submit("linked", answered()).unlink()
    (root / "course/submitted/linked/tiny/tiny.ipynb").symlink_to(
        root / "course/submitted/ada/tiny/tiny.ipynb"
    )

    code, output = grade()

    assert code == 1
    assert "is a link to another file" in line(output, "linked")
    for student, (_, reason) in BROKEN.items():
        assert reason in line(output, student)
        assert f"Needs attention: {student}, tiny: " in output
    assert "the cell check_square was missing and has been put back" in output
    assert "unchanged" not in line(output, "renamed")
    assert scores() == {"ada": 5, "zoë [*] o'neil, jr": 2, "renamed": 5, "linked": None} | dict.fromkeys(
        BROKEN
    )


def test_only_what_has_changed_is_run_again_and_no_score_is_stale(
    root: Path, grade: Any, scores: Any, submit: Any, answered: Any
) -> None:
    submit("ada", answered())
    submit("bob", answered(square="def square(x):\n    return 0"))
    carol = submit("carol", answered())
    assert grade()[0] == 0
    assert scores() == {"ada": 5, "bob": 2, "carol": 5}

    submit("bob", answered())
    carol.write_bytes(b"")
    code, output = grade()

    assert code == 1
    assert "unchanged" in line(output, "ada")
    assert "unchanged" not in line(output, "bob")
    assert scores() == {"ada": 5, "bob": 5, "carol": None}
    assert not (root / "course/feedback/carol/tiny").exists()

    code, output = grade("--force", "--student", "ada")
    assert code == 0
    assert "unchanged" not in line(output, "ada")
    assert "bob" not in output


def test_what_lies_one_level_wrong_is_named(root: Path, grade: Any, submit: Any, answered: Any) -> None:
    notebook = submit("ada", answered()).read_bytes()
    wrong = ("bob/tiny.ipynb", "cy/Tiny/tiny.ipynb", "loose.ipynb", "typo/tinny/a/tiny.ipynb", "dan/work.zip")
    harmless = ("README.txt", "ada/notes/a.txt", "ada/.ipynb_checkpoints/a.ipynb", ".old/old.ipynb")
    for name in (*wrong, *harmless):
        path = root / "course/submitted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(notebook)
    code, output = grade()
    assert code == 1
    for name in ("bob/tiny.ipynb", "cy/Tiny", "loose.ipynb", "typo/tinny", "dan/work.zip"):
        assert f"Needs attention: submitted/{name} was not looked at; it belongs into submitted/STU" in output
    assert output.count("was not looked at") == len(wrong)
    assert grade("--student", "ada")[0] == 0

    shutil.rmtree(root / "course/submitted/ada")
    code, output = grade()
    assert (code, output.count("\n")) == (2, 1)
    assert "nobody has submitted tiny: put" in output
    assert "bob/tiny.ipynb was not looked at" in output


@pytest.mark.parametrize("sandbox", ["require", "none"])
def test_nothing_outlives_a_run_that_was_killed(root: Path, submit: Any, answered: Any, sandbox: str) -> None:
    """Its workers hear of it from the system: each keeps open what the others would notice it by."""
    submit("ada", answered(square="import time\n\n\ndef square(x):\n    time.sleep(30)"))
    command = [str(Path(sys.executable).parent / "cnnlab"), "grade", "tiny", "--sandbox", sandbox]
    killed = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    started = [psutil.Process(killed.pid)]
    deadline = time.monotonic() + 240
    while not any("files" in path.name for path in folders(started)) and time.monotonic() < deadline:
        time.sleep(0.1)
        started = [psutil.Process(killed.pid), *psutil.Process(killed.pid).children(recursive=True)]
    time.sleep(1)
    started = [psutil.Process(killed.pid), *psutil.Process(killed.pid).children(recursive=True)]
    assert len(started) > 3  # a worker, the process that kernels are forked from, a kernel
    left = folders(started)

    killed.kill()
    killed.wait()

    _, alive = psutil.wait_procs(started, timeout=30)
    # Whoever should bury them may not do so here.
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    assert left
    sweep()
    assert [path for path in left if path.exists()] == []


@pytest.mark.parametrize("sandbox", ["require", "none"])
def test_ctrl_c_is_one_sentence_and_leaves_nothing(
    root: Path, submit: Any, answered: Any, sandbox: str
) -> None:
    """It reaches every process of the terminal."""
    for student in ("ada", "bob", "cy"):
        submit(student, answered(square="import time\n\n\ndef square(x):\n    time.sleep(300)"))
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from cnnlab.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "grade", "tiny", "--sandbox", sandbox, "--workers", "2"]
    stopped = subprocess.Popen(
        command,
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    started: list[psutil.Process] = []
    deadline = time.monotonic() + 240
    while not any("files" in path.name for path in folders(started)) and time.monotonic() < deadline:
        time.sleep(0.1)
        started = [psutil.Process(stopped.pid), *psutil.Process(stopped.pid).children(recursive=True)]
    time.sleep(2)
    started = psutil.Process(stopped.pid).children(recursive=True)
    assert len(started) > 3

    os.killpg(stopped.pid, signal.SIGINT)
    _, said = stopped.communicate(timeout=50)  # less than the cells are given

    assert (stopped.returncode, said) == (130, "cnnlab: stopped; run it again to go on.\n")
    _, alive = psutil.wait_procs(started, timeout=30)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    assert folders(started) == []


def folders(processes: list[psutil.Process]) -> list[Path]:
    """The temporary folders that these processes have made."""
    numbers = {str(process.pid) for process in processes}
    return [
        path
        for path in Path(tempfile.gettempdir()).glob("cnnlab-*-*-*")
        if path.name.split("-")[2] in numbers
    ]


@pytest.mark.parametrize(
    ("moment", "content", "options"),
    [
        ("before it is restored", "", ("--question", "check_square")),
        ("while it is written", '{"cells": [', ()),
    ],
)
def test_a_run_that_was_killed_is_taken_up_again(
    root: Path,
    run: Any,
    grade: Any,
    scores: Any,
    submit: Any,
    answered: Any,
    moment: str,
    content: str,
    options: tuple[str, ...],
) -> None:
    """Stock nbgrader sees the folder that the killed run left, skips the student and exits with 0."""
    submit("ada", answered(square="import time\n\n\ndef square(x):\n    time.sleep(3)\n    return x * x"))
    command = [str(Path(sys.executable).parent / "cnnlab"), "grade", "tiny"]
    killed = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, start_new_session=True)
    started = root / "course/autograded/ada/tiny"
    started = (
        started / "tiny.ipynb" if moment == "while it is written" else root / "course/gradebook.db-journal"
    )
    deadline = time.monotonic() + 240
    while not started.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    left = root / "course/.prepared/ada"  # and half a notebook: for certain, whatever the moment was
    left.mkdir(parents=True, exist_ok=True)
    half = root / "course/autograded/ada/tiny/tiny.ipynb"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_text(content)
    report = run("cnnlab", "report", "tiny", cwd=root)
    assert (report.returncode, "has been graded yet" in report.stderr) == (2, True), report.stderr
    feedback = run("cnnlab", "feedback", "tiny", cwd=root)
    assert feedback.returncode == 1
    assert re.search("Needs attention: ada, tiny: .*cnnlab grade", feedback.stdout), feedback.stdout

    code, output = grade(*options)

    assert code == 0, output
    assert "unchanged" not in line(output, "ada")
    assert scores() == {"ada": 5}
    assert not left.parent.exists()
