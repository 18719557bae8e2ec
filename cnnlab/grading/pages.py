"""Writes feedback pages by nbgrader's own converter, one student at a time."""

from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.converters.generate_feedback import GenerateFeedback

from cnnlab.errors import in_a_sentence
from cnnlab.grading.convert import convert
from cnnlab.grading.course import graded_notebook
from cnnlab.grading.settings import course_config


def write_page(root: Path, assignment: str, student: str, db: str | None = None) -> str:
    """Write one page; why it could not be written, empty when it was."""
    unfinished = f"it was not graded to the end; run `cnnlab grade {assignment}`."
    if graded_notebook(root, assignment, student) is None:
        return unfinished
    try:
        convert(GenerateFeedback, course_config(root, db=db), assignment, student)
    except MissingEntry:  # as when the run was killed that would have put it into the gradebook
        return unfinished
    except OSError as error:
        # Removing a folder, Python names what is in it without the folder.
        if isinstance(error.filename, str):
            error.filename = str(root / "feedback" / student / assignment / error.filename)
        raise  # of the disk: no other page would fare better
    except Exception as error:  # no page keeps the others from being written
        return in_a_sentence(error) or f"{type(error).__name__}: {error}."
    return ""
