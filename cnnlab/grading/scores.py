"""A check cell earns all of its points or none: none when it holds an error, all when it ran without one.

What `ExecuteCells` held back has no automatic score and waits for a person. Points given by hand count for
the work they were given for (`marked`).

nbgrader also takes a stream on stderr for a failure, so that a warning costs a right answer its points,
and a cell's displayed value for a partial score, so that a displayed "10" is worth ten points. Neither
counts here.
"""

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import determine_grade
from traitlets import Unicode

from cnnlab.grading.marked import make_room, take_back, work
from cnnlab.grading.restore import NOTE
from cnnlab.grading.submission import STAMP, other_files


class SaveScores(SaveAutoGrades):  # type: ignore[misc]
    """nbgrader's `SaveAutoGrades`, shown only what may decide a score."""

    question = Unicode("", help="the one check whose score may change; all when empty").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        self.held_back = nb.metadata.get("cnnlab", {}).get("held back", {})
        self.scored, self.has_room = nb, False
        beside = other_files(
            Path(resources["metadata"]["path"]), f"{resources['nbgrader']['notebook']}.ipynb"
        )
        self.files = {name: content for name, content in beside.items() if name != STAMP}
        done: tuple[Any, Any] = super().preprocess(nb, resources)
        return done

    def _add_score(self, cell: Any, resources: Any) -> None:
        name = cell.metadata["nbgrader"]["grade_id"]
        if self.question and name != self.question:
            return
        # What nbgrader's own does, and the rest of it in `take_back`.
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        earned, _ = determine_grade(deciding(cell), self.log)
        grade.auto_score = None if name in self.held_back else earned
        if not self.has_room:
            make_room(self.gradebook)
            self.has_room = True
        taken = take_back(self.gradebook, grade, work(cell, self.scored, self.files))
        if taken is not None:
            self.log.warning(
                "%sthe %g points given by hand for %s were for other work and no longer count",
                NOTE,
                taken,
                name,
            )
        self.gradebook.db.commit()


def deciding(cell: Any) -> Any:
    """The cell with no outputs but errors."""
    if cell.cell_type != "code":
        return cell
    return NotebookNode(cell, outputs=[output for output in cell.outputs if output.output_type == "error"])
