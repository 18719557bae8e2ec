"""nbgrader's table of grades, quoted where needed: stock splits a student called "Doe, Jane" in two."""

import csv
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins.export import ExportPlugin

STUDENT = ("last_name", "first_name", "email")
COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    *STUDENT,
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


class QuotedCsvExport(ExportPlugin):  # type: ignore[misc]
    """The columns and rows of nbgrader's `CsvExportPlugin`; `nbgrader export` uses it too."""

    def export(self, gradebook: Any) -> None:
        path = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", path)
        rows = [
            _row(gradebook, assignment, student)
            for assignment in gradebook.assignments
            if not self.assignment or assignment.name in map(str, self.assignment)
            for student in gradebook.students
            if not self.student or student.id in map(str, self.student)
        ]
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


def _row(gradebook: Any, assignment: Any, student: Any) -> dict[str, Any]:
    """One student's grade for one assignment: zero when nothing was handed in."""
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        timestamp, raw, penalty = None, 0.0, 0.0
    else:
        timestamp, raw = submission.timestamp, submission.score
        penalty = submission.late_submission_penalty or 0.0
    return {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "timestamp": timestamp,
        "student_id": student.id,
        **{name: getattr(student, name) for name in STUDENT},
        "raw_score": raw,
        "late_submission_penalty": penalty,
        "score": max(0.0, raw - penalty),
        "max_score": assignment.max_score,
    }
