"""nbgrader's converters for one submission at a time, with the errors that they raise."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from cnnlab.errors import InputError
from cnnlab.grading.logs import captured_log


def convert(
    kind: Any, config: Any, assignment: str, student: str, submitted: str = "submitted", **attributes: Any
) -> str:
    """Run a converter on one submission.

    Args:
        kind: nbgrader's converter, a class.
        config: the course's, of traitlets.
        assignment: whose notebook it is.
        student: who handed it in.
        submitted: the folder of what was handed in, in the course's.
        attributes: set on the converter, for its preprocessors to find.

    Returns:
        What it logged.

    Raises:
        Exception: whatever went wrong within; nbgrader puts an error of its own, without the reason, in its
            place. An `InputError` with nbgrader's last words where it gave no other reason.
    """

    class One(kind):  # type: ignore[misc]
        def init_notebooks(self) -> None:
            """nbgrader takes names for file patterns; here brackets in a student's id mean themselves."""
            source = self._format_source(assignment, student)
            self.assignments = {source: [f"{source}/{assignment}.ipynb"]}

        def init_assignment(self, assignment_id: str, student_id: str) -> None:
            with _kept(failures):
                super().init_assignment(assignment_id, student_id)

        def convert_single_notebook(self, notebook_filename: str) -> None:
            with _kept(failures):
                super().convert_single_notebook(notebook_filename)

    failures: list[Exception] = []
    folder = CourseDirectory(config=config)
    folder.assignment_id = assignment
    folder.submitted_directory = submitted
    converter = One(coursedir=folder, config=config)
    for name, value in attributes.items():
        setattr(converter, name, value)
    converter.force = True
    with captured_log(converter) as log:
        try:
            converter.start()
        except NbGraderException as error:
            if failures:
                raise failures[0] from error
            lines = (log.getvalue() or str(error)).strip().splitlines()
            raise InputError(f"nbgrader: {lines[-1]}") from error
    return log.getvalue()


@contextmanager
def _kept(failures: list[Exception]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        failures.append(error)
        raise
