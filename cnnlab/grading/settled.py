"""Whose grade is settled, and why another's is not: what every table of grades goes by."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry

from cnnlab.grading.collect import refused
from cnnlab.grading.course import graded, handed_in_again

NOT_HANDED_IN = "not handed in"
REFUSED = "needs attention"  # by collect; `cnnlab grade` says why


@dataclass(frozen=True)
class Grade:
    """A student's grade, late penalty taken off; `score` is None while it is not settled."""

    score: float | None
    why: str = ""  # it is not settled
    so_far: float | None = None  # before the penalty, without what waits; None where nothing is graded
    penalty: float | None = None
    handed_in: datetime | None = None

    def __str__(self) -> str:
        return "" if self.score is None else f"{round(self.score, 4):g}"


def everybody(gradebook: Any) -> list[Any]:
    """The students by name, and by id where names are the same or not known: in no table as they came."""
    return sorted(gradebook.students, key=lambda one: (one.last_name or "", one.first_name or "", one.id))


def grades(gradebook: Any, root: Path, assignment: str, students: list[Any]) -> dict[str, Grade]:
    """The grade of each of the students, all of the gradebook's for example."""
    again, notebooks = set(handed_in_again(root, assignment)), set(graded(root, assignment))
    found = {
        student.id: _grade(gradebook, root, assignment, student.id, again, notebooks) for student in students
    }
    names = [name for name, grade in found.items() if grade.why == NOT_HANDED_IN]
    unread = refused(root, assignment, names) if names else {}
    return found | {name: replace(found[name], why=REFUSED) for name in unread}


def not_graded(assignment: str) -> str:
    """Why there is no grade of what `cnnlab grade` has not seen."""
    return f"not graded yet; run `cnnlab grade {assignment}`"


def _grade(
    gradebook: Any, root: Path, assignment: str, student: str, again: set[str], notebooks: set[str]
) -> Grade:
    there = (root / "submitted" / student / assignment).is_dir()
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return Grade(None, not_graded(assignment) if there else NOT_HANDED_IN)
    when, penalty = submission.timestamp, submission.late_submission_penalty or 0.0
    parts = [grade for notebook in submission.notebooks for grade in notebook.grades]
    waiting = [part.name for part in parts if part.needs_manual_grade]
    so_far = sum(part.score for part in parts if not part.needs_manual_grade)
    if not parts or (waiting and student not in notebooks):  # withdrawn; points by hand were for other work
        return Grade(None, "needs attention" if there else NOT_HANDED_IN, handed_in=when)
    if student in again:
        why = f"handed in again since graded; run `cnnlab grade {assignment}`"
        return Grade(None, why, so_far, penalty, when)
    if waiting:
        return Grade(None, f"an answer is to be read: {', '.join(waiting)}", so_far, penalty, when)
    return Grade(max(0.0, submission.score - penalty), "", submission.score, penalty, when)
