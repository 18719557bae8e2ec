"""What handing in late costs, by a policy that is a sentence.

`none` · `zero` · `2 points per day` · `10% per day, grace 15 minutes, at most 50%`. A started day (or hour)
counts whole, from the due date on; within the grace nothing is taken. A share is one of the points earned.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins import BasePlugin
from traitlets import Unicode

from cnnlab.errors import InputError, unknown

SECONDS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_NUMBER = r"(\d+(?:\.\d+)?)"
_RATE = re.compile(rf"{_NUMBER} ?(%|percent|points?) (?:per|a|an) (hour|day|week)")
_GRACE = re.compile(rf"grace {_NUMBER} (minute|hour|day)s?")
_CAP = re.compile(rf"at most {_NUMBER} ?(%|percent|points?)")


@dataclass(frozen=True)
class Policy:
    """`rate` points, or a share of the score, for each started `period`."""

    rate: float = 0.0
    share: bool = False
    period: float = 86400.0
    grace: float = 0.0
    cap: float = math.inf
    cap_is_share: bool = False

    def penalty(self, score: float, seconds: float) -> float:
        """Points to take off a score for that many seconds after the due date: between 0 and the score."""
        if seconds <= self.grace or not score > 0:
            return 0.0
        started = math.ceil(seconds / self.period)
        taken = self.rate * started * (score if self.share else 1.0)
        cap = self.cap * score if self.cap_is_share else self.cap
        return min(taken, cap, score)


def policy(text: str) -> Policy:
    """The policy in a sentence; an `InputError` says what can be written."""
    parts = [part.strip() for part in text.strip().lower().split(",")]
    if parts == ["none"]:
        return Policy()
    if parts == ["zero"]:
        return Policy(1.0, share=True)
    rate, others = _RATE.fullmatch(parts[0]), parts[1:]
    graces = [match for part in others if (match := _GRACE.fullmatch(part))]
    caps = [match for part in others if (match := _CAP.fullmatch(part))]
    if rate is None or len(graces) > 1 or len(caps) > 1 or len(graces) + len(caps) < len(others):
        raise InputError(
            f"the late policy {text!r} is not understood; write none, zero, or for example "
            '"2 points per day" or "10% per day, grace 15 minutes, at most 50%".'
        )
    share = rate[2][0] in "%" or rate[2] == "percent"
    grace = float(graces[0][1]) * SECONDS[graces[0][2]] if graces else 0.0
    cap, of_score = math.inf, False
    if caps:
        of_score = not caps[0][2].startswith("point")
        cap = float(caps[0][1]) / (100 if of_score else 1)
    return Policy(float(rate[1]) / (100 if share else 1), share, SECONDS[rate[3]], grace, cap, of_score)


class LatePenalty(BasePlugin):  # type: ignore[misc]
    """nbgrader's extension point for late submissions."""

    policy = Unicode("none", help="none, zero, or a sentence such as 2 points per day").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        return policy(self.policy).penalty(score, total_seconds_late)


def settle(gradebook: Any, assignment: str, chosen: Policy) -> dict[str, float]:
    """Write every penalty anew, from the scores and dates as they are now; the penalties by student.

    Grading by hand changes a score after nbgrader has taken the penalty; settling twice changes nothing.
    """
    penalties = {}
    for submission in gradebook.assignment_submissions(assignment):
        for notebook in submission.notebooks:
            taken = chosen.penalty(notebook.score, submission.total_seconds_late)
            notebook.late_submission_penalty = taken or None
            if submission.total_seconds_late > 0:
                penalties[submission.student.id] = taken
    gradebook.db.commit()
    return penalties


def move(gradebook: Any, assignment: Any, until: datetime) -> None:
    """Set the due date; whoever has an extension keeps the day they were given."""
    for submission in gradebook.assignment_submissions(assignment.name):
        if submission.extension is not None and assignment.duedate is not None:
            submission.extension = max(timedelta(), submission.duedate - until)
    assignment.duedate = until
    gradebook.db.commit()


def remove(gradebook: Any, assignment: Any) -> None:
    """Take the due date away, and with it the extensions, which count from it."""
    for submission in gradebook.assignment_submissions(assignment.name):
        submission.extension = None
    assignment.duedate = None
    gradebook.db.commit()


def extend(gradebook: Any, assignment: Any, student: str, until: datetime | None) -> None:
    """Give one student until another day; None takes an extension back."""
    if assignment.duedate is None:
        raise InputError(f"{assignment.name} has no due date yet; set it first, without --student.")
    try:
        submission = gradebook.find_submission(assignment.name, student)
    except MissingEntry as error:
        known = [submission.student.id for submission in gradebook.assignment_submissions(assignment.name)]
        if student not in {known_student.id for known_student in gradebook.students}:
            raise unknown("student", student, known) from error
        raise InputError(
            f"{student} has not been graded in {assignment.name} yet; grade first, then give the extension."
        ) from error
    submission.extension = None if until is None else until - assignment.duedate
    gradebook.db.commit()


def described(gradebook: Any, name: str, penalties: dict[str, float], zone: tzinfo) -> list[str]:
    """Due date, extensions and penalties, a line each."""

    def shown(when: datetime | None) -> str:
        return f"{when.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M %Z}" if when else "no date"

    lines = [f"{name} is due: {shown(gradebook.find_assignment(name).duedate)}."]
    for submission in gradebook.assignment_submissions(name):
        student = submission.student.id
        if submission.extension is not None:
            lines.append(f"  {student} has until {shown(submission.duedate)}")
        if student in penalties:
            late = timedelta(seconds=submission.total_seconds_late)
            taken = f"−{penalties[student]:g}" if penalties[student] else "nothing is taken off"
            lines.append(f"  {student} was {late} late: {taken}")
    return lines
