"""A course folder as the commands around grading need it: its released assignments and its gradebook."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import MissingEntry

from cnnlab.errors import InputError, unknown
from cnnlab.grading.archives import printable
from cnnlab.grading.gradebook import Books
from cnnlab.grading.logs import without_remarks
from cnnlab.grading.settings import course_config
from cnnlab.grading.submission import submission_digest


def released(root: Path, assignment: str) -> Path:
    """The assignment's released notebook; an `InputError` when there is no such course or assignment."""
    if not root.is_dir():
        raise InputError(f"there is no course folder {root}; run `cnnlab release`, or name it with --root.")
    path = root / "release" / assignment / f"{assignment}.ipynb"
    if not path.is_file():
        known = sorted(notebook.stem for notebook in root.glob("release/*/*.ipynb"))
        if not known:
            raise InputError(f"nothing has been released in {root}; run `cnnlab release {assignment}` first.")
        raise unknown_assignment(assignment, known)
    return path


def graded(root: Path, assignment: str) -> list[str]:
    """Who has a graded notebook."""
    return sorted(
        path.parent.parent.name for path in root.glob(f"autograded/*/{assignment}/{assignment}.ipynb")
    )


def graded_notebook(root: Path, assignment: str, student: str) -> Any:
    """The notebook as it was graded last; None when there is none, or a killed run left half of one."""
    try:
        return nbformat.read(root / "autograded" / student / assignment / f"{assignment}.ipynb", as_version=4)
    except (FileNotFoundError, ValueError):
        return None


def handed_in_again(root: Path, assignment: str) -> list[str]:
    """Whose submission is not the one that `cnnlab grade` graded last.

    What only nbgrader has graded has no record, and nothing is said of it.
    """
    found = []
    for record in sorted(root.glob(f"graded/*/{assignment}.txt")):
        student, graded_last = record.parent.name, record.read_text().split()[1:]
        folder = root / "submitted" / student / assignment
        if graded_last and folder.is_dir() and graded_last != [submission_digest(folder)]:
            found.append(student)
    return found


def outdated(root: Path, assignment: str) -> list[str]:
    """The same as a remark for the terminal; none when every grade is of what lies there now."""
    students = printable(", ".join(handed_in_again(root, assignment)))
    if not students:
        return []
    return [f"{assignment}: handed in again since graded: {students}; run `cnnlab grade {assignment}`."]


def gradebook_url(root: Path, db: str | None = None) -> str:
    """The URL of the course's gradebook; an `InputError` when it is a file that is not there."""
    url = str(course_config(root, db=db).CourseDirectory.db_url)
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and not file.is_file():
        if file == root.resolve() / "gradebook.db":
            raise InputError(f"there is no gradebook.db in {root}; run `cnnlab release` first.")
        raise InputError(
            f"there is no gradebook {file}; run `cnnlab release` with the same --db or CNNLAB_DB first."
        )
    return url


@contextmanager
def writing(root: Path, db: str | None = None) -> Iterator[Any]:
    """The course's gradebook, checked, to be written.

    Args:
        root: the course folder.
        db: URL of the gradebook's database, as for `course_config`.
    """
    with _opened(Books(gradebook_url(root, db))) as gradebook:
        yield gradebook


@contextmanager
def reading(root: Path, db: str | None = None) -> Iterator[Any]:
    """The same where nothing need be written, as by whoever may only read the course."""
    with _opened(Books(gradebook_url(root, db), writes=False)) as gradebook:
        yield gradebook


@contextmanager
def _opened(books: Books) -> Iterator[Any]:
    try:
        with without_remarks(), books.open() as gradebook:
            yield gradebook
    finally:
        books.close()


def find_assignment(gradebook: Any, name: str) -> Any:
    """The assignment in the gradebook; an `InputError` names those that there are."""
    try:
        return gradebook.find_assignment(name)
    except MissingEntry as error:
        raise unknown_assignment(name, [known.name for known in gradebook.assignments]) from error


def unknown_assignment(name: str, known: Sequence[str]) -> InputError:
    """The error for a name that is not in the course."""
    if known and Path("solutions", f"{name}.md").is_file():
        return InputError(
            f"{name} has not been released; run `cnnlab release {name}` first. Released: {', '.join(known)}."
        )
    if known:
        return unknown("assignment", name, known)
    return InputError(
        f"the gradebook has no assignments yet; run `cnnlab release {name}` first, with the same --db or "
        "CNNLAB_DB if there is one."
    )
