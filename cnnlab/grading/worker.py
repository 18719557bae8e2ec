"""One submission in, its executed notebook out: the part of grading that any process can do.

A `Job` holds everything as bytes, so it can go to another process or machine; nothing is shared but the
installed packages. The gradebook stays with the process that hands the jobs out.
"""

import json
import logging
import shutil
import socket
from dataclasses import dataclass, field
from typing import Any

import nbformat
from traitlets.config import Config

from cnnlab.errors import InputError
from cnnlab.grading.execute import SUSPICIOUS, UNPROTECTED, ExecuteCells
from cnnlab.grading.launch import temporary_folder
from cnnlab.grading.restore import released_notebook, restore
from cnnlab.grading.submission import checks_digest


@dataclass(frozen=True)
class Job:
    """One submission to run.

    `files` are the submission's other files by path, `settings` those of nbgrader's `Execute` and of
    `ExecuteCells`, by class and name, `checks` what `checks_digest` is where the gradebook lies.
    """

    notebook: str
    released: str
    files: dict[str, bytes] = field(repr=False)
    settings: dict[str, dict[str, Any]]
    checks: bytes = field(repr=False)


@dataclass(frozen=True)
class Executed:
    """The notebook in the frame of the released one, with the verdicts in its cells, and what to tell."""

    notebook: str
    notes: list[str]


def execute(job: Job) -> Executed:
    """Restore the submission's notebook, run it in a kernel of its own, and judge its answers."""
    if job.checks != checks_digest():
        raise InputError(
            f"{socket.gethostname()} has other checks than the machine of the gradebook; install the same "
            "version of cnnlab there, then run the command again."
        )
    notebook = framed(job)
    executor = ExecuteCells(config=Config(job.settings))
    notes = _Notes()
    executor.log = logging.Logger("submission", logging.WARNING)
    executor.log.addHandler(notes)
    folder = temporary_folder("files")
    try:
        for name, content in job.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        executor.preprocess(notebook, {"metadata": {"path": str(folder)}})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Executed(json.dumps(notebook), notes.texts)


def framed(job: Job) -> Any:
    """The student's answers in the frame of the released notebook."""
    submitted = nbformat.reader.reads(job.notebook)  # whoever made the job has looked whether it is one
    return restore(submitted, released_notebook(job.released))[0]


class _Notes(logging.Handler):
    """Collects what an instructor should see."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith((SUSPICIOUS, UNPROTECTED)):
            self.texts.append(text)
