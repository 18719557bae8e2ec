"""From an assignment's only source, `solutions/NAME.md`, to what students get, `exercises/NAME/NAME.ipynb`.

jupytext turns the text into `course/source/NAME/NAME.ipynb`; nbgrader's own generate_assignment removes the
solutions, records the cells in the gradebook and writes `course/release/NAME/NAME.ipynb`, which is copied.
The text stays out of `course/source`, because nbgrader hands every other file there to the students.
"""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbgrader.converters.base import NbGraderException
from nbgrader.converters.generate_assignment import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import compute_checksum

from cnnlab.errors import InputError, unknown
from cnnlab.grading.gradebook import Books
from cnnlab.grading.logs import captured_log
from cnnlab.grading.markers import check_source, nbgrader
from cnnlab.grading.settings import course_config

GOES_ON = "raises-exception"  # Jupyter's own tag


def assignment_names(solutions: Path) -> list[str]:
    """The names of the assignments whose sources are in the folder."""
    if not solutions.is_dir():
        raise InputError(
            f"there is no folder {solutions} with the assignments; run this from the repository's root."
        )
    return sorted(path.stem for path in solutions.glob("*.md") if path.stem != "README")


def release(
    names: Sequence[str] = (),
    *,
    solutions: Path = Path("solutions"),
    course: Path = Path("course"),
    to: Path = Path("exercises"),
    force: bool = False,
    db: str | None = None,
) -> list[Path]:
    """Generate the released notebooks of the named assignments, of all when none is named.

    A file in `to` is replaced only when it is itself an untouched generated notebook, or with `force`.

    Returns:
        The released notebooks, one per assignment.

    Raises:
        InputError: an unknown name, a faulty source, or a file that is not ours to overwrite.
    """
    known = assignment_names(solutions)
    for name in names:
        if name not in known:
            raise unknown("assignment", name, known)
    chosen = list(names) or known
    sources = {name: source_notebook(solutions / f"{name}.md") for name in chosen}
    targets = {name: to / name / f"{name}.ipynb" for name in chosen}
    if not force:
        for target in targets.values():
            _refuse_if_edited(target)
    for name, notebook in sources.items():
        released = _generate(name, notebook, course, db)
        targets[name].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(released, targets[name])
    return list(targets.values())


def source_notebook(path: Path) -> Any:
    """The source as a notebook, checked, with ids that depend on nothing but the text.

    A cell with a grade_id has that as its id, so that it can be recognised when its metadata is lost. A check
    has the tag that lets Jupyter's "Run All Cells" go on after it has failed.
    """
    try:
        notebook = jupytext.read(path, fmt="md:myst")
    except Exception as error:  # jupytext passes on whatever its YAML and MyST parsers raise
        raise InputError(f"{path} is not a MyST text notebook: {str(error).splitlines()[0]}.") from error
    check_source(notebook, str(path))
    notebook.metadata.pop("jupytext", None)  # or the student's JupyterLab would try to pair the file
    for cell, cell_id in zip(notebook.cells, _cell_ids(notebook), strict=True):
        cell["id"] = cell_id
        if cell.cell_type == "code" and nbgrader(cell).get("grade"):
            cell.metadata["tags"] = sorted({*cell.metadata.get("tags", []), GOES_ON})
    return notebook


def is_pristine(notebook: Any) -> bool:
    """Whether a notebook is as it was generated: no outputs, each text as its id or checksum says."""
    for cell, cell_id in zip(notebook.cells, _cell_ids(notebook), strict=True):
        if cell.get("id") != cell_id or cell.get("outputs"):
            return False
        metadata = nbgrader(cell)
        if metadata and metadata.get("checksum") != compute_checksum(cell):
            return False
    return True


def _cell_ids(notebook: Any) -> list[str]:
    """The grade_id, else a digest of the cell's text: stable when cells are added or removed elsewhere."""
    ids: list[str] = []
    for cell in notebook.cells:
        text = f"{cell.cell_type}\n{cell.source}"
        cell_id = nbgrader(cell).get("grade_id") or hashlib.sha256(text.encode()).hexdigest()[:12]
        repeats = sum(earlier.split("-r")[0] == cell_id for earlier in ids)
        ids.append(f"{cell_id}-r{repeats}" if repeats else cell_id)
    return ids


def _refuse_if_edited(target: Path) -> None:
    """Raise when replacing the file would lose something that was not generated."""
    if not target.exists():
        return
    try:
        pristine = is_pristine(nbformat.read(target, as_version=4))
    except Exception:  # whatever it is, it was not generated here
        pristine = False
    if not pristine:
        raise InputError(f"{target} is not as it was generated; move it away, or replace it with --force.")


def _generate(name: str, notebook: Any, course: Path, db: str | None) -> Path:
    """Run nbgrader's generate_assignment on the source notebook; the released file."""
    config = course_config(course, db=db)
    course.mkdir(parents=True, exist_ok=True)
    Books(config.CourseDirectory.db_url).close()  # says in a sentence why it cannot be used
    folder = CourseDirectory(config=config)
    source = Path(folder.format_path(folder.source_directory, ".", name)) / f"{name}.ipynb"
    source.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, source)
    folder.assignment_id = name
    converter = GenerateAssignment(coursedir=folder, config=config)
    converter.force = True
    with captured_log(converter) as log:
        try:
            converter.start()
        except NbGraderException as error:
            reason = _reason(log.getvalue(), course)
            raise InputError(f"nbgrader could not release {name}: {reason}") from error
    return Path(folder.format_path(folder.release_directory, ".", name)) / f"{name}.ipynb"


def _reason(log: str, course: Path) -> str:
    """nbgrader's own error in one sentence, with what to do about the likely one."""
    if "there are submissions associated with it" in log:
        return (
            f"its cells have changed and {course / 'gradebook.db'} holds submissions of the old ones; "
            "move the gradebook away, or give the new version another name."
        )
    errors = [line for line in log.splitlines() if "Error: " in line]
    return errors[-1] if errors else log.strip().splitlines()[-1]
