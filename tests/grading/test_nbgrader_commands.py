"""Plain `nbgrader …` from the repository's root, from the source to the exported grades."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest


@pytest.fixture
def nbgrader(run: Any, root: Path) -> Callable[..., str]:
    """Runs nbgrader at the root; what it printed. It must succeed."""

    def start(*arguments: object, cwd: Path = root) -> str:
        result = run("nbgrader", *arguments, cwd=cwd)
        assert result.returncode == 0, result.stdout + result.stderr
        return str(result.stdout + result.stderr)

    return start


def grades(path: Path) -> dict[str, tuple[str, str]]:
    """Points so far and score by student in an export."""
    with path.open() as file:
        return {row["student_id"]: (row["raw_score"], row["score"]) for row in csv.DictReader(file)}


def test_generate_collect_autograde_feedback_export(
    nbgrader: Any, run: Any, root: Path, answered: Any, submit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also through nbgrader's exchange: release_assignment, submit, collect."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(root / "data"))
    exchange = ["--course", "cnnlab101", f"--Exchange.root={root / 'exchange'}"]
    (root / "exchange").mkdir(mode=0o777)
    (root / "exchange").chmod(0o777)
    student = root / "student"
    (student / "tiny").mkdir(parents=True)

    nbgrader("generate_assignment", "tiny", "--force")
    nbgrader("release_assignment", "tiny", *exchange)
    outbound = root / "exchange/cnnlab101/outbound/tiny/tiny.ipynb"
    assert outbound.read_bytes() == (root / "exercises/tiny/tiny.ipynb").read_bytes()
    nbformat.write(answered(written="Because."), student / "tiny/tiny.ipynb")
    nbgrader("submit", "tiny", *exchange, cwd=student)
    nbgrader("collect", "tiny", *exchange)
    submit(
        "ada",
        answered(square="import sys\n\n\ndef square(x):\n    print('hm', file=sys.stderr)\n    return 9"),
    )
    submit("bob", answered(double="import os\n\n\ndef double(x):\n    os._exit(1)"))

    (root / "course/submitted/bob/tiny/page.html").write_text("<script>act()</script>")

    nbgrader("autograde", "tiny")
    nbgrader("generate_feedback", "tiny")
    nbgrader("export", "--to", "grades.csv")
    collected = next(
        path.name for path in (root / "course/submitted").iterdir() if path.name not in "ada bob"
    )
    assert grades(root / "grades.csv") == {
        collected: ("5.0", ""),  # the written answer is to be read
        "ada": ("5.0", "5.0"),
        "bob": ("3.0", "3.0"),
    }
    assert "ended the kernel" in (root / "course/feedback/bob/tiny/tiny.html").read_text()
    assert [path.name for path in (root / "course/feedback/bob/tiny").iterdir()] == ["tiny.html"]


def test_zip_collect_from_a_learning_platform(nbgrader: Any, root: Path, answered: Any) -> None:
    archive = root / "course/downloaded/tiny/archive"
    archive.mkdir(parents=True)
    nbformat.write(answered(), archive / "ada_tiny.ipynb")
    folder = root / "zipped"
    folder.mkdir()
    nbformat.write(answered(), folder / "bob_tiny.ipynb")
    shutil.make_archive(str(archive / "more"), "zip", folder)
    pattern = r"--FileNameCollectorPlugin.named_regexp=.*/(?P<student_id>[a-z]+)_(?P<file_id>\w+)"
    nbgrader("zip_collect", "tiny", pattern)
    assert {path.parent.parent.name for path in (root / "course/submitted").glob("*/tiny/tiny.ipynb")} == {
        "ada",
        "bob",
    }


def test_validate_says_what_a_student_can_expect(run: Any, root: Path, answered: Any) -> None:
    unfinished = run("nbgrader", "validate", "exercises/tiny/tiny.ipynb", cwd=root)
    assert "VALIDATION FAILED ON 3 CELL(S)" in unfinished.stdout
    nbformat.write(answered(written="Because."), root / "mine.ipynb")
    assert (
        "Success! Your notebook passes all the tests."
        in run("nbgrader", "validate", "mine.ipynb", cwd=root).stdout
    )


def test_the_gradebook_can_be_asked_and_upgraded(nbgrader: Any, root: Path) -> None:
    assert "tiny" in nbgrader("db", "assignment", "list")
    nbgrader("db", "upgrade")
