"""What a student would hand in now: the checks in a fresh kernel, what is missing, and the file.

The recorded outputs prove nothing: they may be of an earlier text of the functions. So the notebook is run
from top to bottom, as grading does, except for the experiments, whose outputs are handed in as they are.
"""

import json
import os
import re
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cnnlab.cells import CELL_SECONDS, EXPERIMENT
from cnnlab.check.assignments import ASSIGNMENTS
from cnnlab.desk.kernel import fresh_kernel
from cnnlab.errors import InputError

State = Literal["passed", "failed", "open", "no cell"]
TOO_LONG = "did not finish in time, or ended the kernel"
UNWRITTEN = ("", "YOUR ANSWER HERE")  # what nbgrader puts where an answer belongs
LIKELY = "likely  "  # begins a report's line about the misconception that the numbers match
CHECK = re.compile(r"""^\s*check\(\s*["'](\w+)\.(\w+)["']""")


@dataclass(frozen=True)
class Checked:
    """What one check of the assignment says now. Its cell may be gone: then it earns nothing."""

    part: str
    state: State
    points: int
    max_points: int
    why: str = ""


@dataclass(frozen=True)
class Notebook:
    """A student's notebook as it lies on the disk."""

    path: Path
    assignment: str
    cells: list[dict[str, Any]]

    @property
    def saved(self) -> float:
        """When, in seconds since 1970."""
        return self.path.stat().st_mtime


def read(path: Path) -> Notebook:
    """Read a notebook and find out from its checks which assignment it is.

    Raises:
        InputError: there is no such file, it is no notebook, or none of the course's assignments.
    """
    if path.suffix != ".ipynb" or not path.is_file():
        raise InputError(f"there is no notebook {path}; give the path of the assignment's .ipynb file.")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        cells = [cell | {"source": "".join(cell["source"])} for cell in cells]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not a notebook that can be read; open it in JupyterLab and save it again."
        ) from error
    names = {found[1] for cell in cells if (found := CHECK.match(cell["source"]))}
    known = sorted(names & ASSIGNMENTS.keys())
    if len(known) != 1:
        raise InputError(
            f"{path} holds checks of {', '.join(known) or 'no assignment of this course'}; "
            "give the notebook of one assignment."
        )
    return Notebook(path, known[0], cells)


def run_checks(notebook: Notebook, seconds: int = CELL_SECONDS) -> Iterator[Checked]:
    """Run the notebook in a fresh kernel; what each part's check says, in the assignment's order."""
    said: dict[str, str | None] = {}
    with fresh_kernel(notebook.path.parent) as client:
        for cell in notebook.cells:
            if cell["cell_type"] != "code" or EXPERIMENT in cell.get("metadata", {}).get("tags", []):
                continue
            problem = _execute(client, cell["source"], seconds)
            if found := CHECK.match(cell["source"]):
                said[found[2]] = problem
            if problem == TOO_LONG:  # nothing after it can be asked
                break
    for part in ASSIGNMENTS[notebook.assignment].parts:
        yield _checked(notebook, part.name, part.points, said)


def _checked(notebook: Notebook, part: str, points: int, said: dict[str, str | None]) -> Checked:
    if part not in said:
        name = f"{notebook.assignment}.{part}"
        there = any((f := CHECK.match(cell["source"])) and f[2] == part for cell in notebook.cells)
        if there:
            return Checked(part, "failed", 0, points, f"not reached: an earlier cell {TOO_LONG}")
        return Checked(part, "no cell", 0, points, f'the cell check("{name}", …) is not in the notebook')
    problem = said[part]
    if problem is None:
        return Checked(part, "passed", points, points)
    state: State = "open" if "is not implemented yet" in problem else "failed"
    return Checked(part, state, 0, points, problem)


def missing(notebook: Notebook) -> list[str]:
    """What a person would miss in it, in sentences: written answers, the experiments' outputs."""
    sentences = []
    checks = [(cell, found[2]) for cell in notebook.cells if (found := CHECK.match(cell["source"]))]
    if not any(
        "nbgrader" in cell.get("metadata", {}) or cell.get("id") == f"check_{part}" for cell, part in checks
    ):
        sentences.append(
            "The marks by which grading finds its cells are gone, an editor has left them out: copy your "
            "answers into the notebook as it was handed out."
        )
    for cell in notebook.cells:
        metadata = cell.get("metadata", {})
        nbgrader = metadata.get("nbgrader", {})
        if cell["cell_type"] == "markdown" and nbgrader.get("grade") and cell["source"].strip() in UNWRITTEN:
            points = f"{nbgrader.get('points', 0):g} points"
            sentences.append(f"The written question {nbgrader.get('grade_id')!r} has no answer ({points}).")
    experiments = [cell for cell in notebook.cells if EXPERIMENT in cell.get("metadata", {}).get("tags", [])]
    if experiments and not any(cell.get("outputs") for cell in experiments):
        sentences.append(
            "The experiment has no output, and grading does not run it: run the whole notebook and save it."
        )
    return sentences


def write(notebook: Notebook, to: Path | None = None) -> Path:
    """Write the zip archive to hand in, with the notebook under its proper name; its path.

    Args:
        to: the archive; beside the notebook when not given.
    """
    to = to or notebook.path.parent / f"{notebook.assignment}-submission.zip"
    # Of two versions the newer one counts, so the date is the notebook's own.
    entry = zipfile.ZipInfo(f"{notebook.assignment}.ipynb", time.localtime(notebook.saved)[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    half = to.with_name(f".{to.name}.part")
    try:
        with zipfile.ZipFile(half, "w") as archive:
            archive.writestr(entry, notebook.path.read_bytes())
        os.replace(half, to)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        with suppress(OSError):
            half.unlink()
        raise InputError(f"{to} cannot be written: {error.strerror}. Name another file with --to.") from error
    return to


def _execute(client: Any, code: str, seconds: int) -> str | None:
    """What went wrong with the code, in a line; None if nothing."""
    try:
        reply = client.execute_interactive(
            code, allow_stdin=False, timeout=seconds, output_hook=lambda _: None
        )["content"]
    except (TimeoutError, RuntimeError):
        return TOO_LONG
    if reply["status"] == "ok":
        return None
    lines = [line.strip() for line in str(reply.get("evalue", "")).splitlines()]
    if reply.get("ename") == "CheckFailed":
        first = next((line for line in lines[1:] if line), "failed")
        likely = next((line.removeprefix(LIKELY).strip() for line in lines if line.startswith(LIKELY)), "")
        return f"{first} Likely: {likely}." if likely else first
    return f"{reply.get('ename', 'error')}: {lines[0] if lines else ''}"
