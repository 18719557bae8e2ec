"""The instructor's page on a graded class: one HTML file that holds nothing that acts and loads nothing.

Scores come from the gradebook. What a student got wrong, what is suspicious and how long it took were
recorded by `ExecuteCells` in the graded notebooks; submissions are compared by `similarity`.
"""

import math
import statistics
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, StrictUndefined
from nbgrader.api import MissingEntry

from cnnlab.check.assignments import ASSIGNMENTS
from cnnlab.errors import InputError
from cnnlab.grading.course import graded, graded_notebook, handed_in_again
from cnnlab.grading.feedback import CONTENT_POLICY
from cnnlab.grading.markers import nbgrader
from cnnlab.grading.similarity import Pair, similar
from cnnlab.grading.syntax import unreadable

BARS = 12  # at most, each of whole points
SHOWN = 10  # of the slowest
MOST_PAIRS = 100  # that read alike
ALIKE = 0.6  # share of the code in common from which a pair is shown


@dataclass(frozen=True)
class Question:
    """How the class did on one graded cell; `mean` is None while nobody's answer has been read."""

    name: str
    possible: float
    mean: float | None
    full: int
    some: int
    none: int
    waiting: int


@dataclass(frozen=True)
class Wrong:
    """A catalogued misconception and who has it."""

    title: str
    why: str
    students: list[str]


@dataclass(frozen=True)
class Overview:
    """One assignment of a class. `settled` are the scores so far, without what a person has yet to read."""

    name: str
    possible: float
    students: list[str]
    missing: list[str]
    settled: dict[str, float]
    waiting: list[str]
    questions: list[Question]
    misconceptions: list[Wrong]
    flags: list[tuple[str, str]]
    slowest: list[tuple[str, float]]
    pairs: list[Pair] = field(default_factory=list)
    again: list[str] = field(default_factory=list)  # who has handed in other work since

    @property
    def mean(self) -> float:
        return statistics.mean(self.settled.values())

    @property
    def median(self) -> float:
        return statistics.median(self.settled.values())

    @property
    def histogram(self) -> list[tuple[float, float, int]]:
        """Lower end, upper end and number of students of each bar; the last bar has both its ends."""
        width = max(1, math.ceil(self.possible / BARS))
        edges = [width * number for number in range(max(1, math.ceil(self.possible / width)) + 1)]
        last = len(edges) - 2
        counts = Counter(min(last, max(0, int(score / width))) for score in self.settled.values())
        return [(low, high, counts[number]) for number, (low, high) in enumerate(pairwise(edges))]

    @property
    def tallest(self) -> int:
        return max(1, *(count for *_, count in self.histogram))


def overview(gradebook: Any, root: Path, name: str) -> Overview:
    """What there is to say about a graded assignment.

    Args:
        gradebook: nbgrader's, open.
        root: the course folder.
        name: a released assignment.
    """
    grades: dict[str, Any] = {}
    notebooks: dict[str, Any] = {}
    for student in graded(root, name):
        notebook = graded_notebook(root, name, student)
        with suppress(MissingEntry):  # as when the run was killed that would have put it there
            held = gradebook.find_submission_notebook(name, name, student).grades
            if notebook is not None:
                grades[student], notebooks[student] = held, notebook
    if not notebooks:
        raise InputError(f"nothing of {name} has been graded yet; run `cnnlab grade {name}` first.")
    records = {student: notebook.metadata.get("cnnlab", {}) for student, notebook in notebooks.items()}
    submitted = sorted(path.parent.name for path in root.glob(f"submitted/*/{name}") if path.is_dir())
    released = nbformat.read(root / "release" / name / f"{name}.ipynb", as_version=4)
    seconds = {student: record["seconds"] for student, record in records.items() if "seconds" in record}
    return Overview(
        name,
        gradebook.find_assignment(name).max_score,
        list(notebooks),
        [student for student in submitted if student not in notebooks],
        {student: _settled(mine) for student, mine in grades.items()},
        [student for student, mine in grades.items() if any(grade.needs_manual_grade for grade in mine)],
        _questions(grades),
        _misconceptions(name, records),
        _flags(records),
        sorted(seconds.items(), key=lambda pair: -pair[1])[:SHOWN],
        similar({student: _code(one) for student, one in notebooks.items()}, _code(released, True), ALIKE),
        handed_in_again(root, name),
    )


def page(overviews: list[Overview]) -> str:
    """The page, whole; everything that a student wrote is text in it."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string(Path(__file__).with_suffix(".jinja").read_text(encoding="utf-8"))
    return template.render(
        assignments=overviews,
        policy=CONTENT_POLICY,
        least=ALIKE,
        most=MOST_PAIRS,
        made=f"{datetime.now():%Y-%m-%d %H:%M}",
    )


def _settled(grades: list[Any]) -> float:
    """What counts already: points that a person gave for something else wait with the answer."""
    return float(sum(grade.score for grade in grades if not grade.needs_manual_grade))


def _questions(grades: dict[str, Any]) -> list[Question]:
    cells = defaultdict(list)
    for mine in grades.values():
        for grade in mine:
            cells[grade.name].append(grade)
    return [_question(name, found) for name, found in cells.items()]


def _question(name: str, grades: list[Any]) -> Question:
    possible = grades[0].max_score
    scores = [grade.score for grade in grades if not grade.needs_manual_grade]
    full, none = sum(score >= possible for score in scores), sum(score <= 0 < possible for score in scores)
    mean = statistics.mean(scores) if scores else None
    return Question(name, possible, mean, full, len(scores) - full - none, none, len(grades) - len(scores))


def _misconceptions(assignment: str, records: dict[str, Any]) -> list[Wrong]:
    """Commonest first; one that is no longer in the catalogue goes by its name."""
    catalogue = ASSIGNMENTS[assignment].misconceptions if assignment in ASSIGNMENTS else ()
    known = {entry.name: entry for entry in catalogue}
    who = defaultdict(list)
    for student, record in records.items():
        for name in sorted(set(record.get("misconceptions", {}).values())):
            who[name].append(student)
    found = [
        Wrong(known[name].title, known[name].why, students) if name in known else Wrong(name, "", students)
        for name, students in who.items()
    ]
    return sorted(found, key=lambda wrong: (-len(wrong.students), wrong.title))


def _flags(records: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (student, why)
        for student, record in records.items()
        for why in [
            *(f"{cell}: {reason}" for cell, reason in record.get("held back", {}).items()),
            *record.get("suspicious", []),
        ]
    ]


def _code(notebook: Any, whole: bool = False) -> str:
    """The code that a student can have written, or all of it; not what nobody could read."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not unreadable(cell.source)]
    return "\n".join(cell.source for cell in cells if whole or not nbgrader(cell).get("locked"))
