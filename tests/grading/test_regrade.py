"""Graded again: one question's points follow the corrected check, points by hand follow their work."""

import csv
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cnnlab.errors import InputError
from cnnlab.grading.regrade import find_question

QUERY = """
    SELECT submitted_assignment.student_id, base_cell.name, auto_score, manual_score, needs_manual_grade
    FROM grade JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
    JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
    JOIN base_cell ON base_cell.id = grade.cell_id
"""


def held(root: Path) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Automatic score, score by hand, whether a person is waited for; by student and cell."""
    with closing(sqlite3.connect(root / "course/gradebook.db")) as database:
        return {(student, cell): rest for student, cell, *rest in database.execute(QUERY)}


def by_hand(root: Path, student: str, cell: str, points: float) -> None:
    """What the formgrader writes when an instructor gives points."""
    with closing(sqlite3.connect(root / "course/gradebook.db")) as database:
        database.execute(
            "UPDATE grade SET manual_score = ?, needs_manual_grade = 0 WHERE id = (SELECT grade.id"
            + QUERY.partition("needs_manual_grade")[2]
            + " WHERE student_id = ? AND base_cell.name = ?)",
            (points, student, cell),
        )
        database.commit()


@pytest.fixture
def corrected(root: Path, run: Any, submit: Any, answered: Any) -> Path:
    """A graded class whose check of `square` was wrong and has been put right since."""
    source = root / "solutions/tiny.md"
    right = source.read_text()
    source.write_text(right.replace("check(square(3), 9)", "check(square(3), 6)"))
    assert "square(3), 6" in source.read_text()
    release(root, run)
    submit("ada", answered(written="Because."))
    submit("bob", answered(square="def square(x):\n    return 2 * x"))
    submit("cy", answered(double="def double(x):\n    return 0"))
    assert run("cnnlab", "grade", "tiny", cwd=root).returncode == 0
    by_hand(root, "ada", "written", 2)
    by_hand(root, "cy", "check_double", 1)
    source.write_text(right)
    release(root, run)
    return root


def release(root: Path, run: Any) -> None:
    result = run("cnnlab", "release", "--force", cwd=root)
    assert result.returncode == 0, result.stderr


def test_only_the_question_changes(corrected: Path, run: Any) -> None:
    before = held(corrected)
    assert [before[name, "check_square"][0] for name in ("ada", "bob", "cy")] == [0, 3, 0]
    result = run("cnnlab", "grade", "tiny", "--question", "check_square", cwd=corrected)
    assert result.returncode == 0, result.stdout + result.stderr

    after = held(corrected)
    assert [after[name, "check_square"][0] for name in ("ada", "bob", "cy")] == [3, 0, 3]
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {(name, "check_square") for name in ("ada", "bob", "cy")}
    page = (corrected / "course/feedback/cy/tiny/tiny.html").read_text()
    assert "expected 8" in re.sub(r"<[^>]*>", "", page)  # the verdict on the other question is still shown

    again = run("cnnlab", "grade", "tiny", cwd=corrected)
    assert again.stdout.count("(unchanged)") == 3
    assert held(corrected) == after


def test_who_has_handed_in_anew_is_graded_whole(
    corrected: Path, run: Any, submit: Any, answered: Any
) -> None:
    submit("cy", answered())
    submit("dan", answered(double="def double(x):\n    return 0"))
    result = run("cnnlab", "grade", "tiny", "--question", "check_square", cwd=corrected)
    assert result.returncode == 0, result.stdout + result.stderr
    after = held(corrected)
    assert after["cy", "check_double"][0] == 2
    assert (after["dan", "check_square"][0], after["dan", "check_double"][0]) == (3, 0)


# `cnnlab grade`, with something that happens when the submissions have been read and before they run.
MEANWHILE = """
import sys
from pathlib import Path
from cnnlab import cli
from cnnlab.grading import classroom

def run(*given, run=classroom.run):
    Path("course/submitted/ada/tiny/mine.py").write_text("def double(x):\\n    return 2 * x\\n")
    yield from run(*given)

classroom.run = run
sys.argv[1:] = ["grade", "tiny"]
cli.main()
"""


def test_a_module_that_was_handed_in_anew_counts_for_every_question(
    root: Path, run: Any, submit: Any, answered: Any
) -> None:
    """Whenever it comes: also while the older one is graded."""
    module = submit("ada", answered(double="from mine import double")).with_name("mine.py")
    wrong = "def double(x):\n    return 0\n"
    module.write_text(wrong)
    (root / "meanwhile.py").write_text(MEANWHILE)
    assert run("python", "meanwhile.py", cwd=root).returncode == 0
    assert module.read_text() != wrong
    assert held(root)["ada", "check_double"][0] == 0
    result = run("cnnlab", "grade", "tiny", "--question", "check_square", cwd=root)
    assert result.returncode == 0, result.stdout + result.stderr
    assert held(root)["ada", "check_double"][0] == 2


def test_another_gradebook_gets_the_whole_grade(corrected: Path, run: Any) -> None:
    """It holds nothing of what was graded into the first one, so one question alone would be half a grade."""
    other = ("--db", f"sqlite:///{corrected}/course/other.db")
    assert run("cnnlab", "release", *other, cwd=corrected).returncode == 0
    result = run("cnnlab", "grade", "tiny", "--question", "check_square", *other, cwd=corrected)
    assert result.returncode == 0, result.stdout + result.stderr
    (corrected / "course/other.db").replace(corrected / "course/gradebook.db")
    after = held(corrected)
    assert [after[name, "check_square"][0] for name in ("ada", "bob", "cy")] == [3, 0, 3]
    assert [after[name, "check_double"][0] for name in ("ada", "bob", "cy")] == [2, 2, 0]


def test_a_question_that_a_person_grades_is_said_to_be_one(tiny: Any) -> None:
    with pytest.raises(InputError, match=r"'written' is graded by hand, in the formgrader; .*check_square"):
        find_question(tiny, "written")
    find_question(tiny, "check_square")


def test_an_unknown_question_is_a_sentence(corrected: Path, run: Any) -> None:
    before = held(corrected)
    result = run("cnnlab", "grade", "tiny", "--question", "check_sqare", cwd=corrected)
    assert result.returncode == 2
    assert "Did you mean 'check_square'?" in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert held(corrected) == before


def test_points_by_hand_count_for_the_work_they_were_given_for(
    root: Path, run: Any, submit: Any, answered: Any
) -> None:
    def grade(*options: str) -> str:
        result = run("cnnlab", "grade", "tiny", *options, cwd=root)
        assert result.returncode == 0, result.stdout + result.stderr
        return str(result.stdout)

    submit("ada", answered(written="Because."))
    submit("cy", answered(double="def double(x):\n    return 0"))
    grade()
    by_hand(root, "ada", "written", 1.5)
    by_hand(root, "cy", "check_double", 1)
    output = grade("--force")
    assert "ada  6.5/7" in output
    assert "to read" not in output.partition("Grades")[0]
    assert held(root)["ada", "written"] == [None, 1.5, 0]
    assert held(root)["cy", "check_double"] == [0, 1, 0]
    assert run("cnnlab", "export", "canvas", "tiny", cwd=root).returncode == 0

    submit("ada", answered(written="For another reason."))
    submit("cy", answered(double="def double(x):\n    return 1"))
    output = grade()
    assert "the 1.5 points given by hand for written were for other work" in output
    for again in (False, True):
        assert held(root)["ada", "written"] == [None, None, 1]
        assert held(root)["cy", "check_double"] == [0, None, 0]
        if not again:
            grade("--force")
    result = run("cnnlab", "export", "canvas", "tiny", cwd=root)
    assert (result.returncode, "empty: ada, tiny: an answer is to be read: written" in result.stdout) == (
        1,
        True,
    )


def test_a_grade_that_is_not_settled_is_told_from_zero_points(
    root: Path, run: Any, submit: Any, answered: Any
) -> None:
    submit("ada", answered(written="Because."))
    submit("bob", answered(written="Because."))
    submit("cy", answered(square="", double=""))
    assert run("cnnlab", "grade", "tiny", cwd=root).returncode == 0
    by_hand(root, "ada", "written", 1.5)
    submit("ada", answered()).write_bytes(b"{")
    with closing(sqlite3.connect(root / "course/gradebook.db")) as database:
        database.execute("INSERT INTO student (id) VALUES ('dan')")
        database.commit()
    assert run("cnnlab", "grade", "tiny", cwd=root).returncode == 1
    result = run("cnnlab", "export", "canvas", "tiny", cwd=root)
    assert "empty: ada, tiny: needs attention" in result.stdout
    assert "empty: dan, tiny: not handed in" in result.stdout
    with (root / "course/grades.csv").open() as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {name: (row["raw_score"], row["score"], row["status"]) for name, row in rows.items()} == {
        "ada": ("", "", "needs attention"),
        "bob": ("5.0", "", "an answer is to be read: written"),
        "cy": ("0.0", "0.0", "graded"),
        "dan": ("", "", "not handed in"),
    }


def test_points_by_hand_of_which_nothing_is_known_wait_and_stay(
    root: Path, run: Any, submit: Any, answered: Any
) -> None:
    """As in a gradebook that was graded before this was recorded."""
    submit("ada", answered(written="Because."))
    assert run("cnnlab", "grade", "tiny", cwd=root).returncode == 0
    by_hand(root, "ada", "written", 1.5)
    with closing(sqlite3.connect(root / "course/gradebook.db")) as database:
        database.execute("DROP TABLE cnnlab_scored_work")
        database.commit()
    assert run("cnnlab", "grade", "tiny", "--force", cwd=root).returncode == 0
    assert held(root)["ada", "written"] == [None, 1.5, 1]
    assert run("cnnlab", "export", "canvas", "tiny", cwd=root).returncode == 1
    assert run("cnnlab", "report", "tiny", cwd=root).returncode == 0
    assert "mean 5.00" in (root / "course/report.html").read_text()
