"""A check cell earns all of its points or none: none when it holds an error, all when it ran without one.

What `ExecuteCells` held back has no automatic score and waits for a person.

nbgrader also takes a stream on stderr for a failure, so that a warning costs a right answer its points,
and a cell's displayed value for a partial score, so that a displayed "10" is worth ten points. Neither
counts here.
"""

from copy import deepcopy
from typing import Any

from nbgrader.preprocessors import SaveAutoGrades
from traitlets import Unicode


class SaveScores(SaveAutoGrades):  # type: ignore[misc]
    """nbgrader's `SaveAutoGrades`, shown only what may decide a score."""

    question = Unicode("", help="the one check whose score may change; all when empty").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        self.held_back = nb.metadata.get("cnnlab", {}).get("held back", {})
        done: tuple[Any, Any] = super().preprocess(nb, resources)
        return done

    def _add_score(self, cell: Any, resources: Any) -> None:
        if self.question and cell.metadata["nbgrader"]["grade_id"] != self.question:
            return
        super()._add_score(deciding(cell), resources)
        name = cell.metadata["nbgrader"]["grade_id"]
        if name in self.held_back:
            grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
            grade.auto_score, grade.needs_manual_grade = None, True
            self.gradebook.db.commit()


def deciding(cell: Any) -> Any:
    """The cell with no outputs but errors."""
    if cell.cell_type != "code":
        return cell
    cell = deepcopy(cell)
    cell.outputs = [output for output in cell.outputs if output.output_type == "error"]
    return cell
