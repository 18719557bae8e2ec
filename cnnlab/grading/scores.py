"""A check cell earns all of its points or none: none when it holds an error, all when it ran without one.

nbgrader also takes a stream on stderr for a failure, so that a warning costs a right answer its points,
and a cell's displayed value for a partial score, so that a displayed "10" is worth ten points. Neither
counts here.
"""

from copy import deepcopy
from typing import Any

from nbgrader.preprocessors import SaveAutoGrades


class SaveScores(SaveAutoGrades):  # type: ignore[misc]
    """nbgrader's `SaveAutoGrades`, shown only what may decide a score."""

    def _add_score(self, cell: Any, resources: Any) -> None:
        super()._add_score(deciding(cell), resources)


def deciding(cell: Any) -> Any:
    """The cell with no outputs but errors."""
    if cell.cell_type != "code":
        return cell
    cell = deepcopy(cell)
    cell.outputs = [output for output in cell.outputs if output.output_type == "error"]
    return cell
