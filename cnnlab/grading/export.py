"""nbgrader's table of grades, quoted where needed, and with a score only where the grade is settled.

Stock splits a student called "Doe, Jane" in two, and gives 0 points alike to who has earned none, has handed
in nothing, waits for a person, or could not be graded. Here a column of our own says which it is.
"""

import csv
from pathlib import Path
from typing import Any

from nbgrader.plugins.export import ExportPlugin

from cnnlab.grading.lms_export import harmless
from cnnlab.grading.settled import Grade, everybody, grades

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
    "status",
)


class QuotedCsvExport(ExportPlugin):  # type: ignore[misc]
    """The columns and rows of nbgrader's `CsvExportPlugin`, and `status`; `nbgrader export` uses it too."""

    def export(self, gradebook: Any) -> None:
        path, root = self.to or "grades.csv", Path(self.config.CourseDirectory.root)
        self.log.info("Exporting grades to %s", path)
        rows = []
        students = everybody(gradebook)  # once: another run may be adding some
        for assignment in gradebook.assignments:
            if self.assignment and assignment.name not in map(str, self.assignment):
                continue
            found = grades(gradebook, root, assignment.name, students)
            rows += [
                _row(assignment, student, found[student.id])
                for student in students
                if not self.student or student.id in map(str, self.student)
            ]
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


def _row(assignment: Any, student: Any, grade: Grade) -> dict[str, Any]:
    """One student's grade for one assignment; what is not known is empty."""
    return {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "timestamp": grade.handed_in,
        "student_id": harmless(student.id),
        **{name: harmless(getattr(student, name) or "") for name in STUDENT},
        "raw_score": grade.so_far,
        "late_submission_penalty": grade.penalty,
        "score": grade.score,
        "max_score": assignment.max_score,
        "status": grade.why or "graded",
    }
