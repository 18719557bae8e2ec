"""Grades as Canvas and Moodle import them.

The platform's own exported file, as a template, says who is who in its own numbers and is filled in; without
one the table is made of the gradebook. A grade that is not settled (it needs attention, a person still has to
read an answer, or other work has been handed in since) stays empty and is named, so that an import changes
nothing there.

Source: Canvas, lib/gradebook_exporter.rb (columns, the row of points possible); Moodle,
mod/assign/feedback/offline/importgradeslib.php (Identifier, Grade).
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cnnlab.errors import InputError
from cnnlab.grading.roster import folded, read_table
from cnnlab.grading.settled import NOT_HANDED_IN, everybody, grades, not_graded

Platform = Literal["canvas", "moodle"]
_CANVAS_KEYS = ("SIS Login ID", "SIS User ID", "ID")
_ABOUT = ("Student", "ID", "SIS User ID", "SIS Login ID", "Integration ID", "Root Account", "Section")
_MOODLE_KEYS = ("Username", "ID number", "Email address", "Identifier")


@dataclass
class Table:
    """What is imported, and who is left out of it with the reason."""

    header: list[str]
    rows: list[list[str]]
    open: list[tuple[str, str, str]] = field(default_factory=list)  # student, assignment, why it is empty
    strangers: list[str] = field(default_factory=list)  # in the template and not in the gradebook
    absent: list[str] = field(default_factory=list)  # in the gradebook and not in the template

    def text(self) -> str:
        """As CSV.

        What a template says goes back as it came: the platform finds its students by it, and the instructor
        has opened that file before. Only what comes from the gradebook, which takes ids from the names of
        submitted folders, is made `harmless`.
        """
        buffer = io.StringIO()
        csv.writer(buffer).writerows([self.header, *self.rows])
        return buffer.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay what they are."""
    if cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")) and not re.fullmatch(
        r"-?\d+(\.\d+)?", cell
    ):
        return f"'{cell}"
    return cell


def table(
    gradebook: Any, root: Path, assignments: Sequence[str], platform: Platform, template: Path | None
) -> Table:
    """The grades of the assignments for a platform."""
    students = {student.id: student for student in everybody(gradebook)}
    scores = {name: grades(gradebook, root, name, list(students.values())) for name in assignments}
    for name, found in scores.items():
        if all(grade.why in (NOT_HANDED_IN, not_graded(name)) for grade in found.values()):
            raise InputError(f"nothing of {name} has been graded yet; run `cnnlab grade {name}` first.")
    if template is None:
        made = _plain(gradebook, students, scores, platform)
    elif platform == "canvas":
        made = _canvas(gradebook, students, scores, template)
    else:
        made = _moodle(students, scores, template)
    left_out = set(made.absent)
    for name, found in scores.items():
        made.open += [(s, name, g.why) for s, g in found.items() if g.score is None and s not in left_out]
    return made


def _plain(gradebook: Any, students: dict[str, Any], scores: dict[str, Any], platform: Platform) -> Table:
    names = list(scores)
    if platform == "moodle":
        header = ["Username", "First name", "Last name", "Email address", *names]
        about = {
            s.id: [s.id, s.first_name or "", s.last_name or "", s.email or ""] for s in students.values()
        }
        rows = []
    else:
        header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names]
        about = {s.id: [_sortable(s), s.lms_user_id or "", "", s.id, ""] for s in students.values()}
        rows = [["    Points Possible", "", "", "", "", *(_possible(gradebook, name) for name in names)]]
    rows += [[*map(harmless, about[s]), *(str(scores[name][s]) for name in names)] for s in students]
    return Table(header, rows)


def _canvas(gradebook: Any, students: dict[str, Any], scores: dict[str, Any], template: Path) -> Table:
    """Canvas's columns about the student as they are, and ours alone of the assignments."""
    filled, _ = read_table(template)
    header = list(filled[0])
    if not {"Student", "ID"} <= set(header):
        raise InputError(f"{template} is no gradebook exported by Canvas: it has no columns Student and ID.")
    about = [name for name in _ABOUT if name in header]
    columns = {name: _column(header, name, template) for name in scores}
    found = Table([*about, *columns.values()], [])
    seen = set()
    for row in filled:
        who = [row[name] for name in about]
        if row["Student"].strip() == "Points Possible":
            found.rows.append([*who, *(_possible(gradebook, name) for name in columns)])
        elif row["Student"].strip() and row["Student"].strip() != "Student, Test":
            student = _known(row, _CANVAS_KEYS, students)
            if student is None:
                found.strangers.append(row["Student"])
                continue
            seen.add(student)
            found.rows.append([*who, *(str(scores[name][student]) for name in columns)])
    found.absent = sorted(set(students) - seen)
    return found


def _moodle(students: dict[str, Any], scores: dict[str, Any], template: Path) -> Table:
    """The grading worksheet with its column Grade filled in: it is one assignment's."""
    if len(scores) != 1:
        raise InputError("a grading worksheet of Moodle is for one assignment; name one.")
    filled, _ = read_table(template)
    header = list(filled[0])
    if not {"Identifier", "Grade"} <= set(header):
        raise InputError(
            f"{template} is no grading worksheet of Moodle: it has no columns Identifier and Grade."
        )
    found, seen = Table(header, []), set()
    for row in filled:
        student = _known(row, _MOODLE_KEYS, students)
        if student is None:
            found.strangers.append(row.get("Full name") or row["Identifier"])
            continue
        seen.add(student)
        score = str(next(iter(scores.values()))[student])
        found.rows.append([score if name == "Grade" and score else row[name] for name in header])
    found.absent = sorted(set(students) - seen)
    return found


def _known(row: dict[str, str], keys: Sequence[str], students: dict[str, Any]) -> str | None:
    """Whose row it is: by the id, else by the platform's number or the address."""
    values = [row[key].strip() for key in keys if row.get(key, "").strip()]
    for value in values:
        if value in students:
            return value
    # Moodle's "Participant 123", in any language; a user name that ends with a number is none.
    numbers = {*values, re.sub(r"^\D+(?=\d+$)", "", row.get("Identifier", "").strip())} - {""}
    emails = {value.casefold() for value in values if "@" in value}
    found = [
        s.id for s in students.values() if s.lms_user_id in numbers or (s.email or "-").casefold() in emails
    ]
    return found[0] if len(found) == 1 else None


def _column(header: list[str], assignment: str, template: Path) -> str:
    """Canvas's column "Name (number)" of the assignment."""
    found = [name for name in header if folded(re.sub(r" \(\d+\)$", "", name)) == folded(assignment)]
    if len(found) != 1:
        there = ", ".join(repr(name) for name in header if re.search(r" \(\d+\)$", name)) or "none"
        raise InputError(
            f"{template} has {len(found) or 'no'} column for {assignment}; give the assignment that name in "
            f"Canvas and export again. Its assignments: {there}."
        )
    return found[0]


def _possible(gradebook: Any, name: str) -> str:
    return f"{gradebook.find_assignment(name).max_score:g}"


def _sortable(student: Any) -> str:
    return ", ".join(part for part in (student.last_name, student.first_name) if part) or str(student.id)
