"""What a feedback page says of the points: whose they are, for which check, and which nobody has given yet.

nbgrader's page shows an answer that waits for a person like one that earned nothing, calls every check
"Test cell", and names no student.
"""

import html
import re
from typing import Any

import nbgrader.preprocessors

from cnnlab.grading.markers import nbgrader as marks


class GetGrades(nbgrader.preprocessors.GetGrades):  # type: ignore[misc]
    """nbgrader's step that takes the points from the gradebook; also, which are still to be given."""

    def _get_score(self, cell: Any, resources: Any) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        cell.metadata.nbgrader.update(score=grade.score, points=grade.max_score)
        if grade.needs_manual_grade:
            resources["nbgrader"].setdefault("waiting", {})[name] = grade.max_score


def with_points(page: str, about: dict[str, Any]) -> str:
    """The page, as nbgrader's template wrote it, with these words in place of the template's.

    Args:
        page: HTML.
        about: nbgrader's resources: the student, and the points that wait by the name of their cell.
    """
    waiting = about.get("waiting", {})
    for name, points in waiting.items():
        wait, name = f"waits for a person, {points:g} point{'s' * (points != 1)}", re.escape(name)
        listed = rf'(<a href="#{name}">[^<]*</a>) \(Score: [^)]*\)'
        shown = rf'(<a name="{name}"></a>.*?)Score: \S+ / \S+'
        page = re.sub(listed, rf"\1 ({wait})", page, count=1)
        page = re.sub(shown, rf"\1{wait}", page, count=1, flags=re.DOTALL)
    page = re.sub(r'<a href="#([^"]*)">Test cell</a>', r'<a href="#\1">\1</a>', page)
    student, score = html.escape(about.get("student", "")), "Score so far" if waiting else "Score"
    return re.sub(
        r"<h4>(.*?) \(Score: ", lambda found: f"<h4>{found[1]}, {student} ({score}: ", page, count=1
    )


def verdict_once(cell: Any) -> list[Any]:
    """The outputs of a cell; of a failed check without the error, which says what its table says."""
    has_table = any("text/html" in output.get("data", {}) for output in cell.outputs)
    told_twice = has_table and bool(marks(cell).get("grade"))
    return [output for output in cell.outputs if not (told_twice and output.get("ename") == "CheckFailed")]
