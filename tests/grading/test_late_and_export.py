"""Due dates, what being late costs, and grades as the platforms import them, through the command line."""

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cnnlab.errors import InputError
from cnnlab.grading.late import policy
from cnnlab.grading.lms_export import _known, harmless
from cnnlab.grading.times import moment

DAY = 86400
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("sentence", "score", "seconds", "taken"),
    [
        ("none", 10, 9 * DAY, 0),
        ("zero", 7, 1, 7),
        ("zero", 7, 0, 0),
        ("2 points per day", 10, 1, 2),
        ("2 points per day", 10, DAY, 2),
        ("2 points per day", 10, DAY + 1, 4),
        ("2 points per day", 3, 9 * DAY, 3),  # never below zero
        ("10% per day", 8, 2 * DAY, 1.6),
        ("10 percent a day, grace 15 minutes", 10, 900, 0),
        ("10 percent a day, grace 15 minutes", 10, 901, 1),
        ("10% per day, at most 50%", 8, 30 * DAY, 4),
        ("1.5 points per hour, at most 6 points, grace 1 hour", 10, 3 * DAY, 6),
    ],
)
def test_what_being_late_costs(sentence: str, score: float, seconds: float, taken: float) -> None:
    assert policy(sentence).penalty(score, seconds) == pytest.approx(taken)


@pytest.mark.parametrize(
    "sentence", ["", "2 points", "-2 points per day", "2 points per day, grace", "ten % per day"]
)
def test_a_policy_that_is_none(sentence: str) -> None:
    with pytest.raises(InputError, match="is not understood; write none, zero"):
        policy(sentence)


def test_times_mean_what_they_say() -> None:
    assert moment("2026-11-30 23:59", BERLIN).astimezone(UTC).isoformat() == "2026-11-30T22:59:00+00:00"
    assert moment("2026-07-01 12:00", BERLIN).utcoffset() == timedelta(hours=2)
    assert moment("2026-11-30T22:59Z", BERLIN) == moment("2026-11-30 23:59 +01:00", ZoneInfo("UTC"))
    assert moment("2026-11-30", timezone.utc).isoformat() == "2026-11-30T23:59:59+00:00"  # noqa: UP017
    for text, reason in (
        ("2026-03-29 02:30", "does not exist"),
        ("2026-10-25 02:30", "comes twice"),
        ("01/02/2026", "can mean two days"),
        ("soon", "is not a date"),
        ("23:59", "is not a whole date"),
        ("9999-12-31 23:59 -0500", "is out of reach"),
        ("2026-11-30 23:59 +2400", "is out of reach"),
    ):
        with pytest.raises(InputError, match=reason):
            moment(text, BERLIN)


def test_no_cell_is_a_formula() -> None:
    for cell in ("=1+1", "+1", "@x", " =cmd|x", "-cmd", "\t=1"):
        assert harmless(cell).startswith("'")
    assert [harmless(cell) for cell in ("-1", "3.5", "Doe, Jane", "")] == ["-1", "3.5", "Doe, Jane", ""]


def test_whose_row_it_is() -> None:
    ada = SimpleNamespace(id="ada", lms_user_id="123", email="ada@example.org")
    other = SimpleNamespace(id="bob", lms_user_id="", email=None)
    for row, who in (
        ({"Identifier": "Participant 123"}, "ada"),
        ({"Identifier": "Teilnehmer/in123", "Username": "x7"}, "ada"),
        ({"ID": "123", "SIS Login ID": "al"}, "ada"),
        ({"Email address": "Ada@Example.org"}, "ada"),
        ({"SIS Login ID": "x123", "ID": "9"}, None),  # a name that ends with her number
        ({"Username": "x", "Identifier": ""}, None),
    ):
        assert _known(row, list(row), {"ada": ada, "bob": other}) == who, row


@pytest.fixture
def cnnlab(run: Any, root: Path) -> Callable[..., tuple[int, str]]:
    def start(*arguments: object) -> tuple[int, str]:
        result = run("cnnlab", *arguments, cwd=root)
        assert "Traceback" not in result.stderr
        return result.returncode, result.stdout + result.stderr

    return start


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text())))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_way_from_the_due_date_to_the_platform(
    cnnlab: Any,
    root: Path,
    submit: Any,
    answered: Any,
    kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One late, one late with an extension, one whose answer is to be read, one broken, one who is absent."""
    if kind == "postgresql":
        monkeypatch.setenv("CNNLAB_DB", request.getfixturevalue("database"))
        shutil.rmtree(root / "course/release")
        assert cnnlab("release")[0] == 0
        (root / "course/gradebook.db").unlink()
    submit("cy", answered(written="Because."))
    dan = submit("dan", answered())
    dan.write_text("")
    (dan.parent / "timestamp.txt").write_text("2026-12-02 10:00:00 UTC")
    stub = next(
        c.source for c in answered().cells if c.metadata.get("nbgrader", {}).get("grade_id") == "written"
    )
    for student in ("ada", "bob"):
        path = submit(student, answered(written=stub))
        (path.parent / "timestamp.txt").write_text("2026-12-02 10:00:00 UTC")
    code, output = cnnlab(
        "due", "tiny", "2026-12-01 23:59", "--timezone", "UTC", "--late", "2 points per day"
    )
    assert code == 0, output
    assert cnnlab("grade", "tiny")[0] == 1
    code, output = cnnlab("due", "tiny", "2026-12-03 00:00", "--student", "bob", "--timezone", "UTC")
    assert code == 0, output
    assert "ada was 10:01:00 late: −2" in output
    assert "bob has until 2026-12-03 00:00 UTC" in output
    assert "bob was" not in output
    assert "dan was 10:01:00 late" in output
    code, output = cnnlab("due", "tiny", "none", "--student", "bob")
    assert (code, "bob was 10:01:00 late: −2" in output, "bob has" in output) == (0, True, False), output
    assert cnnlab("due", "tiny", "2026-12-03 00:00", "--student", "bob", "--timezone", "UTC")[0] == 0

    template = "Student,ID,SIS Login ID,Section,Tiny (77),Other (78)\n    Points Possible,,,,7,1\n"
    template += (
        '"Lovelace, Ada",1,ada,A,,\n"=Bob",2,bob,A,,1\n"C, C",3,cy,A,,\n"D, D",4,dan,A,,\n"E, E",5,eve,A,,\n'
    )
    (root / "canvas.csv").write_text(template)
    code, output = cnnlab("export", "canvas", "tiny", "--template", "canvas.csv")
    assert code == 1
    assert table(root / "course/canvas.csv") == [
        ["Student", "ID", "SIS Login ID", "Section", "Tiny (77)"],
        ["    Points Possible", "", "", "", "7"],
        ["Lovelace, Ada", "1", "ada", "A", "3"],
        ["=Bob", "2", "bob", "A", "5"],  # as Canvas wrote it, or it would not know him
        ["C, C", "3", "cy", "A", ""],
        ["D, D", "4", "dan", "A", ""],
    ]
    for line in (
        "empty: cy, tiny: an answer is to be read: written",
        "empty: dan, tiny: needs attention",
        "not in the gradebook: E, E",
    ):
        assert line in output

    worksheet = "Identifier,Full name,Username,Grade,Last modified (grade)\nParticipant 1,Ada,ada,9,-\n"
    (root / "moodle.csv").write_text(worksheet + "Participant 3,Cy,cy,4,-\n")
    code, output = cnnlab("export", "moodle", "tiny", "--template", "moodle.csv")
    assert [row[3] for row in table(root / "course/moodle.csv")] == ["Grade", "3", "4"]
    assert [row[4] for row in table(root / "course/moodle.csv")] == ["Last modified (grade)", "-", "-"]
    assert "not in moodle.csv: bob" in output

    code, output = cnnlab("due", "tiny", "--late", "none")
    assert (code, "ada was 10:01:00 late: nothing is taken off" in output) == (0, True)
    assert cnnlab("export", "moodle", "tiny", "--template", "moodle.csv")[0] == 1
    assert [row[3] for row in table(root / "course/moodle.csv")] == ["Grade", "5", "4"]

    code, output = cnnlab("feedback", "tiny", "--book", "https://example.org/book")
    assert code == 0
    assert output == "3 feedback pages are in course/feedback.\n"

    code, output = cnnlab("due", "tiny", "None", "--late", "zero")
    assert (code, output) == (0, "Late policy: zero.\ntiny is due: no date.\n"), output


def test_bad_input_of_these_commands(cnnlab: Any, root: Path, submit: Any, answered: Any) -> None:
    submit("ada", answered())
    for arguments, sentence in (
        (("due", "tinny"), "unknown assignment 'tinny'. Did you mean 'tiny'?"),
        (("due", "tiny", "tomorrow-ish"), "is not a date"),
        (("due", "tiny", ""), "is not a date"),
        (("due", "tiny", "--student", "ada"), "--student ada needs a date"),
        (("due", "tiny", "none", "--student", "ada"), "has no due date yet"),
        (("due", "tiny", "--late", "a lot"), "the late policy 'a lot' is not understood"),
        (("due", "tiny", "2026-12-01", "--student", "ada"), "has no due date yet"),
        (("feedback", "tiny"), "nothing has been graded yet"),
        (("feedback", "tiny", "--book", "javascript:1"), "is no address"),
        (("export", "blackboard", "tiny"), "unknown platform 'blackboard'"),
        (("export", "canvas", "tiny"), "nothing of tiny has been graded yet; run `cnnlab grade tiny` first"),
    ):
        code, output = cnnlab(*arguments)
        assert code == 2
        assert sentence in output
        assert output.count("\n") == 1


def test_a_folder_cannot_put_a_formula_into_a_table(
    cnnlab: Any, root: Path, submit: Any, answered: Any
) -> None:
    for student in ("zoe", "ada", "=1+1"):  # in the order in which they are graded
        submit(student, answered())
        assert cnnlab("grade", "tiny", "--student", student)[0] == 0
    assert cnnlab("export", "canvas", "tiny")[0] == 0
    rows = table(root / "course/canvas.csv")[-3:]
    assert rows[0] == ["'=1+1", "", "", "'=1+1", "", "5"]
    assert [row[3] for row in rows] == ["'=1+1", "ada", "zoe"]
    assert [row[3] for row in table(root / "course/grades.csv")[1:]] == ["'=1+1", "ada", "zoe"]


def test_bad_input_of_export(cnnlab: Any, root: Path, submit: Any, answered: Any) -> None:
    submit("ada", answered())
    assert cnnlab("grade", "tiny")[0] == 0
    (root / "x.csv").write_text("a,b\n1,2\n")
    for options, sentence in (
        (("canvas", "tiny", "--template", "x.csv"), "is no gradebook exported by Canvas"),
        (("moodle", "tiny", "--template", "x.csv"), "is no grading worksheet"),
        (("canvas", "tiny", "--template", "gone.csv"), "there is no file gone.csv"),
        (("canvas", "tiny", "--to", "no/such.csv"), "such.csv cannot be written: No such file"),
        (("canvas", "tiny", "--to", "course"), "course cannot be written: Is a directory. Name another"),
    ):
        code, output = cnnlab("export", *options)
        assert (code, output.count("\n")) == (2, 1)
        assert sentence in output


def test_what_was_handed_in_again_is_not_told_by_the_old_grade(
    cnnlab: Any, root: Path, submit: Any, answered: Any
) -> None:
    submit("ada", answered(square="def square(x):\n    return 0"))
    submit("bob", answered())
    assert cnnlab("grade", "tiny")[0] == 0
    for command in (("due", "tiny"), ("report", "tiny"), ("feedback", "tiny"), ("export", "canvas", "tiny")):
        assert "handed in again" not in cnnlab(*command)[1]

    submit("ada", answered())
    remark = "tiny: handed in again since graded: ada; run `cnnlab grade tiny`."
    for command in (("due", "tiny"), ("report", "tiny"), ("feedback", "tiny")):
        code, output = cnnlab(*command)
        assert (code, output.splitlines().count(remark)) == (0, 1)
    assert "Handed in again since graded:</strong> ada." in (root / "course/report.html").read_text()
    _begin_to_grade(root)  # and so it is after a run that was killed
    code, output = cnnlab("export", "canvas", "tiny")
    assert code == 1
    assert "empty: ada, tiny: handed in again since graded; run `cnnlab grade tiny`" in output
    assert {row[3]: row[-1] for row in table(root / "course/canvas.csv")[2:]} == {"ada": "", "bob": "5"}

    assert cnnlab("grade", "tiny")[0] == 0
    assert cnnlab("export", "canvas", "tiny")[0] == 0
    assert {row[3]: row[-1] for row in table(root / "course/canvas.csv")[2:]} == {"ada": "5", "bob": "5"}


def _begin_to_grade(root: Path) -> None:
    """Run `cnnlab grade` until it has turned to the submission of ada's, and kill it."""
    record = root / "course/graded/ada/tiny.txt"
    before = record.read_text()
    command = [str(Path(sys.executable).parent / "cnnlab"), "grade", "tiny"]
    killed = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, start_new_session=True)
    while killed.poll() is None and record.is_file() and record.read_text() == before:
        time.sleep(0.001)
    assert killed.poll() is None
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
