"""The whole sample class through nbgrader, once: every check earns what the table says."""

import csv
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sample_class.expected import CHECKS, EXPECTED, WRITTEN_POINTS, scores

REPOSITORY = Path(__file__).resolve().parents[2]
# Two processes on one gradebook; each has one submission that runs into the timeout, twice.
HALVES = (
    ("inverted_dropout", "local_response_norm", "preprocessing"),
    ("batch_norm", "label_smoothing", "tuning"),
)
TIMEOUT = 40  # on two cores shared with other tests the slowest right answer, 3 s of computing, took over 15

QUERY = """
    SELECT assignment.name, submitted_assignment.student_id, base_cell.name,
           grade.auto_score, grade.manual_score, grade.needs_manual_grade
    FROM grade
    JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN assignment ON assignment.id = submitted_assignment.assignment_id
    JOIN base_cell ON base_cell.id = grade.cell_id
"""


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory, run: Any) -> Path:
    """The graded class, in a course folder of its own."""
    root = tmp_path_factory.mktemp("class")
    for folder in ("solutions", "exercises"):
        (root / folder).symlink_to(REPOSITORY / folder)
    (root / "tests").symlink_to(REPOSITORY / "tests")
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    for command in (("release", "--to", "released"), ("sample-class",)):
        result = run("cnnlab", *command, cwd=root)
        assert result.returncode == 0, result.stderr

    def grade(names: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        return run("cnnlab", "grade", *names, "--timeout", TIMEOUT, cwd=root)

    with ThreadPoolExecutor() as pool:
        for result in pool.map(grade, HALVES):
            assert result.returncode == 0, result.stdout + result.stderr
    return root / "course"


@pytest.fixture(scope="session")
def earned(course: Path) -> dict[str, dict[str, dict[str, float | None]]]:
    """Score by assignment, student and check, as the gradebook holds them; None: waits for a person."""
    grades: dict[str, dict[str, dict[str, float | None]]] = {}
    with closing(sqlite3.connect(course / "gradebook.db")) as database:
        for assignment, student, cell, auto, manual, by_hand in database.execute(QUERY):
            assert manual is None
            score = None if by_hand else auto
            grades.setdefault(assignment, {}).setdefault(student, {})[cell] = score
    return grades


@pytest.mark.parametrize("assignment", EXPECTED)
def test_the_table_knows_every_submission(earned: Any, assignment: str) -> None:
    assert earned[assignment].keys() == EXPECTED[assignment].keys()
    assert len(EXPECTED[assignment]) >= 12


@pytest.mark.parametrize(
    ("assignment", "student"), [(name, student) for name in EXPECTED for student in EXPECTED[name]]
)
def test_a_submission_earns_exactly_what_the_table_says(earned: Any, assignment: str, student: str) -> None:
    assert earned[assignment][student] == scores(assignment, student)


def test_everyone_has_feedback_and_a_row_in_the_export(course: Path) -> None:
    with (course / "grades.csv").open() as file:
        rows = {(row["assignment"], row["student_id"]): row for row in csv.DictReader(file)}
    for assignment, students in EXPECTED.items():
        for student in students:
            row = rows[assignment, student]
            found = scores(assignment, student)
            assert float(row["raw_score"]) == sum(score or 0 for score in found.values())
            assert bool(row["score"]) == (None not in found.values())
            assert float(row["max_score"]) == sum(CHECKS[assignment].values()) + WRITTEN_POINTS
            assert (course / "feedback" / student / assignment / f"{assignment}.html").is_file()


def test_the_feedback_says_what_happened(course: Path) -> None:
    def feedback(student: str) -> str:
        return (course / "feedback" / student / "inverted_dropout/inverted_dropout.html").read_text()

    assert "ended the kernel" in feedback("crash")
    assert f"timeout of {TIMEOUT} s" in feedback("endless_loop")
    assert "0 of 2 points" in feedback("gradient_not_scaled")


def test_a_second_run_changes_nothing_and_runs_nothing(course: Path, run: Any, earned: Any) -> None:
    before = (course / "grades.csv").read_bytes()
    result = run("cnnlab", "grade", *EXPECTED, cwd=course.parent)
    assert result.returncode == 0
    assert result.stdout.count("(unchanged)") == sum(map(len, EXPECTED.values()))
    assert (course / "grades.csv").read_bytes() == before
