"""Puts the student's answers back into the frame of the released notebook, before anything runs.

nbgrader's own way keeps the submission and repairs single cells; a notebook whose test cells were deleted
together with their neighbours makes it stop, and a tag added by the student still has its effect. Here
everything but the text of an answer comes from the released notebook: check cells, points, tags, cell types.
Cells that the student added run where they stand. nbgrader's `OverwriteCells` runs afterwards and holds every
cell against the gradebook.
"""

import functools
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.preprocessors import NbGraderPreprocessor

from cnnlab.cells import EXPERIMENT
from cnnlab.grading.markers import nbgrader

NOTE = "restored: "  # begins the lines of the log that an instructor should see

# Sorts the cells: position in the submission; 0 the student's, 1 put back; position in the release.
Place = tuple[int, int, int]


class RestoreCells(NbGraderPreprocessor):  # type: ignore[misc]
    """nbgrader's hook: finds the released notebook of the submission at hand."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        folder = self.parent.parent.coursedir
        names = resources["nbgrader"]
        release = folder.format_path(folder.release_directory, ".", names["assignment"])
        path = Path(release) / f"{names['notebook']}.ipynb"
        restored, notes = restore(nb, released_notebook(path.read_text(encoding="utf-8")))
        for note in notes:
            self.log.warning("%s%s", NOTE, note)
        return restored, resources


@functools.lru_cache(8)  # one, and its neighbours in the course, for a whole class
def released_notebook(text: str) -> Any:
    """The released notebook in a file of this text; nobody may change it."""
    return nbformat.reads(text, as_version=4)


def restore(submitted: Any, released: Any) -> tuple[Any, list[str]]:
    """The submission's answers in the released notebook's frame, and what had to be put right."""
    work = _Sorted(released)
    for position, cell in enumerate(submitted.cells):
        work.take(position, cell)
    work.choose_answers()
    work.claim_experiments()
    work.put_back(len(submitted.cells))
    notebook = nbformat.v4.new_notebook(metadata=deepcopy(released.metadata))
    notebook.cells = [cell for _, cell in sorted(work.cells, key=lambda placed: placed[0])]
    return notebook, work.notes


def known_id(cell: Any, released_ids: set[str]) -> str | None:
    """Which released cell a submitted one is: by its grade_id, else by its cell id, made the same."""
    for candidate in (nbgrader(cell).get("grade_id"), cell.get("id")):
        if isinstance(candidate, str) and candidate in released_ids:
            return candidate
    return None


@dataclass
class _Sorted:
    """The submitted cells, sorted by what they are in the released notebook."""

    released: Any
    cells: list[tuple[Place, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    locked: dict[str, int] = field(default_factory=dict)
    extras: list[tuple[int, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ids = [nbgrader(cell).get("grade_id") for cell in self.released.cells]
        self.known = {
            grade_id: cell for grade_id, cell in zip(ids, self.released.cells, strict=True) if grade_id
        }

    def take(self, position: int, cell: Any) -> None:
        """Sort one submitted cell; the text of a locked cell is not looked at again."""
        grade_id = known_id(cell, set(self.known))
        if grade_id is None:
            self.extras.append((position, cell))
        elif nbgrader(self.known[grade_id]).get("solution"):
            self.answers.setdefault(grade_id, []).append((position, cell))
        else:
            if grade_id in self.locked:
                self.notes.append(f"the locked cell {grade_id} was there more than once; one is kept")
            self.locked[grade_id] = position

    def choose_answers(self) -> None:
        """One cell per answer: the last that is not the untouched stub. Others run where they stand."""
        for grade_id, versions in self.answers.items():
            stub = self.known[grade_id].source
            written = [version for version in versions if version[1].source != stub]
            chosen = (written or versions)[-1]
            if len(versions) > 1:
                self.notes.append(f"the answer {grade_id} was there {len(versions)} times, the last counts")
            self.extras += [version for version in written if version is not chosen]
            cell = deepcopy(self.known[grade_id])
            cell.source = chosen[1].source
            self.answers[grade_id] = [chosen]
            self.cells.append(((chosen[0], 0, 0), cell))

    def claim_experiments(self) -> None:
        """Find the released experiments among the other cells; whatever is left over runs like any cell.

        Each released experiment may be claimed once: by cell id, by text, or by the tag for files without
        cell ids. A copy of the tag therefore skips nothing, and a dropped one changes nothing.
        """
        claims: dict[int, Any] = {}
        wanted = [cell for cell in self.released.cells if EXPERIMENT in cell.metadata.get("tags", [])]
        for same in (_same_id, _same_text, _tagged):
            for experiment in list(wanted):
                for position, cell in self.extras:
                    if position not in claims and cell.cell_type == "code" and same(cell, experiment):
                        claims[position] = experiment
                        wanted.remove(experiment)
                        break
        copies = 0
        texts = {cell.source for cell in self.released.cells if EXPERIMENT in cell.metadata.get("tags", [])}
        for position, cell in sorted(self.extras, key=lambda extra: extra[0]):
            if position not in claims and cell.cell_type == "code" and cell.source in texts:
                copies += 1  # our own text, never run
                continue
            self.cells.append(((position, 0, 0), _plain(cell, position, claims.get(position))))
        if copies:
            what = f"{copies} copies of released experiments are"
            self.notes.append(f"{what if copies > 1 else 'a copy of a released experiment is'} left out")

    def put_back(self, end: int) -> None:
        """Insert the locked cells, and written answers that are gone, in the released order."""
        place_of: dict[str, int] = {grade_id: versions[0][0] for grade_id, versions in self.answers.items()}
        before: list[str] = []  # what the released notebook has above the cell at hand
        for index, (grade_id, cell) in enumerate(self.known.items()):
            metadata = nbgrader(cell)
            if not (metadata.get("solution") and (grade_id in self.answers or not metadata.get("grade"))):
                place_of[grade_id] = place = self._place(grade_id, before, place_of, end)
                self.cells.append(((place, 1, index), self._copy(grade_id)))
            elif grade_id not in self.answers:  # it may stand in a cell of the student's own
                self.notes.append(f"the cell of the answer {grade_id} was missing")
            before.append(grade_id)

    def _place(self, grade_id: str, before: list[str], place_of: dict[str, int], end: int) -> int:
        """Where a cell goes: where the student had it, but a check never above the answers it follows.

        A check whose answer cell is gone goes to the end: the answer may stand in any cell the student added.
        """
        above = [place_of[name] for name in before if name in place_of]
        place = self.locked.get(grade_id, above[-1] if above else -1)
        if not nbgrader(self.known[grade_id]).get("grade"):
            return place
        lost = any(nbgrader(self.known[name]).get("solution") and name not in place_of for name in before)
        return max([end if lost and grade_id not in self.locked else place, *above])

    def _copy(self, grade_id: str) -> Any:
        """The released cell; with a remark when the student's copy of it is gone."""
        cell = deepcopy(self.known[grade_id])
        if grade_id not in self.locked:
            self.notes.append(f"the cell {grade_id} was missing and has been put back")
            if nbgrader(cell).get("solution"):
                # The changed text makes nbgrader ask a person instead of scoring zero.
                cell.source = f"*This answer ({grade_id}) was missing from the submission.*\n\n{cell.source}"
        return cell


def _same_id(cell: Any, experiment: Any) -> bool:
    return bool(cell.get("id") == experiment.get("id"))


def _same_text(cell: Any, experiment: Any) -> bool:
    return bool(cell.source == experiment.source)


def _tagged(cell: Any, experiment: Any) -> bool:
    return EXPERIMENT in cell.metadata.get("tags", [])


def _plain(cell: Any, position: int, experiment: Any | None) -> Any:
    """A cell that is not graded: only its type and text are kept, and the outputs of an experiment."""
    new = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}.get(
        cell.cell_type, nbformat.v4.new_raw_cell
    )
    plain = new(cell.source, id=f"student-{position}")
    if experiment is not None:
        plain.id, plain.metadata = experiment.id, deepcopy(experiment.metadata)
        plain.outputs, plain.execution_count = cell.outputs, cell.get("execution_count")
    elif cell.get("attachments"):
        plain.attachments = cell.attachments  # a photograph of handwriting
    return plain
