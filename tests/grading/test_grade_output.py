"""What `cnnlab grade` shows: no number is cut, and what needs a person is not buried."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cnnlab.grading.classroom import Outcome
from cnnlab.grading.report import line, summary
from cnnlab.grading.submission import NEVER_RUN


def printed(outcomes: list[Outcome], width: int) -> str:
    """The table on a terminal of that width."""
    console = Console(file=io.StringIO(), width=width)
    console.print(summary(outcomes, console.width))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_number_of_the_table_is_cut(width: int) -> None:
    scores = {"check": 10.25, "written": None}
    possible = {"check": 12.0, "written": 100.0}
    outcomes = [
        Outcome(name, str(number), "graded", scores=scores, max_scores=possible)
        for name in ("local_response_norm", "tuning")
        for number in range(1234)
    ]
    text = printed(outcomes, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for head in ("assignment", "all", "graded", "same", "attention", "to read", "mean", "of"):
        assert head in text
    assert text.count("≥ 10.25") == 2  # an answer is still to be read
    assert re.findall(r"[\d.]+", text) == 2 * ["1234", "1234", "0", "0", "1234", "10.25", "112"]


def test_the_commonest_note_buries_no_other() -> None:
    outcome = Outcome("tiny", "ada", "graded", notes=[NEVER_RUN, "a real one"])
    assert "without outputs" not in line(outcome)
    assert "a real one" in line(outcome)


def test_a_class_that_never_ran_is_counted(run: Any, root: Path, submit: Any, answered: Any) -> None:
    for student in ("ada", "bob"):
        submit(student, answered())
    said = run("cnnlab", "grade", "tiny", cwd=root).stdout
    assert "Handed in without outputs, as if never run: 2.\n" in said
    assert said.count("without outputs") == 1
