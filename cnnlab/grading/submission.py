"""Looks at one submitted folder before nbgrader does, and tells two states of it apart."""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import nbformat

import cnnlab
from cnnlab.errors import InputError
from cnnlab.grading.markers import nbgrader
from cnnlab.grading.restore import known_id

LARGEST_FILES = 64 << 20  # bytes
AGAIN = "Ask the student to send the notebook again."


def check_submission(folder: Path, released: Path) -> None:
    """Raise an `InputError`, one sentence, when the folder holds nothing that could be graded.

    Args:
        folder: `submitted/STUDENT/ASSIGNMENT`.
        released: the assignment's released notebook.
    """
    path = folder / released.name
    if not path.is_file():
        others = sorted(other.name for other in folder.glob("*.ipynb"))
        found = f"; it holds {', '.join(others)}" if others else ""
        raise InputError(
            f"there is no {released.name} in the submission{found}. Ask the student for that file."
        )
    if path.is_symlink():
        raise InputError(f"{path.name} is a link to another file, not a notebook. {AGAIN}")
    notebook = read_notebook(path)
    cells = nbformat.read(released, as_version=4).cells
    ids = {grade_id for cell in cells if (grade_id := nbgrader(cell).get("grade_id"))}
    if not any(known_id(cell, ids) for cell in notebook.cells):
        raise InputError(
            f"{path.name} is not the {folder.name} assignment: no cell of the released notebook is in it. "
            "Ask the student to send the notebook that was handed out."
        )


def read_notebook(path: Path) -> Any:
    """The notebook in the file; an `InputError` says what the file is instead."""
    data = path.read_bytes()
    if not data.strip():
        raise InputError(f"{path.name} is empty, 0 bytes. {AGAIN}")
    try:
        json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text. {AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not complete JSON ({error}). {AGAIN}") from error
    try:
        notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # nbformat raises many kinds, one per way not to be a notebook
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{path.name} is not a Jupyter notebook ({reason}). {AGAIN}") from error
    return notebook


def other_files(folder: Path, notebook: str) -> dict[str, bytes]:
    """The submission's other plain files by path, for its kernel; none when they are too large together."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    chosen = {str(path.relative_to(folder)): path for path in paths if path.name != notebook}
    if sum(path.stat().st_size for path in chosen.values()) > LARGEST_FILES:
        return {}
    return {name: path.read_bytes() for name, path in chosen.items()}


@functools.cache
def _checks() -> bytes:
    """A digest of the code that judges, so that a corrected check grades again what it had got wrong."""
    digest = hashlib.sha256()
    for package in ("check", "reference"):
        for path in sorted((Path(cnnlab.__file__).parent / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()


def fingerprint(folder: Path, released: Path) -> str:
    """A digest of what a grade depends on: submitted files and names, the released notebook, the checks."""
    digest = hashlib.sha256(released.read_bytes() + _checks())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            digest.update(f"\n{path.relative_to(folder)}\n{len(content)}\n".encode(errors="surrogateescape"))
            digest.update(content)
    return digest.hexdigest()
