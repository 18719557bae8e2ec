"""Writes feedback pages by nbgrader's own converter, one student at a time."""

from pathlib import Path

from nbgrader.converters.base import NbGraderException
from nbgrader.converters.generate_feedback import GenerateFeedback
from nbgrader.coursedir import CourseDirectory

from cnnlab.grading.logs import captured_log
from cnnlab.grading.settings import course_config


def graded(root: Path, assignment: str) -> list[str]:
    """Who has a graded notebook."""
    return sorted(
        path.parent.parent.name for path in root.glob(f"autograded/*/{assignment}/{assignment}.ipynb")
    )


def write_page(root: Path, assignment: str, student: str) -> str:
    """Write one page; why it could not be written, empty when it was."""

    class One(GenerateFeedback):  # type: ignore[misc]
        def init_notebooks(self) -> None:
            """nbgrader takes names for file patterns; here a student's id means itself."""
            source = self._format_source(assignment, student)
            self.assignments = {source: [f"{source}/{assignment}.ipynb"]}

    config = course_config(root)
    folder = CourseDirectory(config=config)
    folder.assignment_id = assignment
    converter = One(coursedir=folder, config=config)
    converter.force = True
    with captured_log(converter) as log:
        try:
            converter.start()
        except NbGraderException as error:
            return (log.getvalue() or str(error)).strip().splitlines()[-1]
    return ""
