"""Looks at one submitted folder before nbgrader does, and tells two states of it apart."""

import codecs
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.utils import parse_utc

import cnnlab
from cnnlab.check.wire import whole
from cnnlab.errors import InputError
from cnnlab.grading.markers import nbgrader
from cnnlab.grading.restore import known_id

LARGEST_FILES = 64 << 20  # bytes
UNREADABLE = {".pyc", ".pyo", ".pyd", ".so", ".zip", ".egg", ".whl"}  # what Python imports and is no text
STAMP = "timestamp.txt"  # where nbgrader looks for the time of handing in
AGAIN = "Ask the student to send the notebook again."


def check_submission(folder: Path, released: Path) -> None:
    """Raise an `InputError`, one sentence, when the folder holds nothing that could be graded.

    Args:
        folder: `submitted/STUDENT/ASSIGNMENT`.
        released: the assignment's released notebook.
    """
    path = find_notebook(folder, released.name)
    notebook = read_notebook(path)
    cells = nbformat.read(released, as_version=4).cells
    ids = {grade_id for cell in cells if (grade_id := nbgrader(cell).get("grade_id"))}
    if not any(known_id(cell, ids) for cell in notebook.cells):
        raise InputError(
            f"{path.name} is not the {folder.name} assignment: no cell of the released notebook is in it. "
            "Ask the student to send the notebook that was handed out."
        )


def find_notebook(folder: Path, name: str) -> Path:
    """The submitted notebook: by its name, else the only one there; an `InputError` when there is none."""
    path = folder / name
    if path.is_symlink():
        raise InputError(f"{path.name} is a link to another file, not a notebook. {AGAIN}")
    if path.is_file():
        return path
    others = sorted(other for other in folder.glob("*.ipynb") if other.is_file() and not other.is_symlink())
    if len(others) == 1:
        return others[0]
    found = f"; it holds {', '.join(other.name for other in others)}" if others else ""
    raise InputError(f"there is no {name} in the submission{found}. Ask the student for that file.")


def prepare(folder: Path, released: Path, target: Path) -> list[str]:
    """Copy a submission that was checked, in the form that nbgrader reads; what had to be put right.

    The notebook has its name, is UTF-8 without a mark in front, and in today's format. Links are left out,
    and so is a record of the time that is none.
    """
    path = find_notebook(folder, released.name)
    notes, notebook = [], read_notebook(path)
    if path.name != released.name:
        notes.append(f"the notebook was called {path.name}")
    data = path.read_bytes()
    if data.startswith(codecs.BOM_UTF8):
        notes.append("the notebook began with a byte order mark")
    version = json.loads(data.decode("utf-8-sig")).get("nbformat")
    if version != 4:
        notes.append(f"the notebook was in the older format nbformat {version}")
    if not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells):
        notes.append("the notebook was handed in without outputs, as if it had never been run")
    target.mkdir(parents=True)
    nbformat.write(notebook, target / released.name)
    links = sorted(link.name for link in folder.iterdir() if link.is_symlink())
    if links:
        notes.append(f"links were left out: {', '.join(links)}")
    others = other_files(folder, path.name)
    if extra := [name for name in others if name != STAMP and not name.startswith(".")]:
        notes.append(f"other files were handed in: {', '.join(extra[:10])}{' …' if extra[10:] else ''}")
    for name, content in others.items():
        if name == STAMP and not _is_time(content):
            notes.append(f"{STAMP} holds no time and was left out")
            continue
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    return notes


def _is_time(content: bytes) -> bool:
    try:
        parse_utc(content.decode().strip())
    except Exception:  # dateutil raises many kinds, one per way not to be a time
        return False
    return True


def read_notebook(path: Path) -> Any:
    """The notebook in the file; an `InputError` says what the file is instead."""
    data = path.read_bytes()
    if not data.strip():
        raise InputError(f"{path.name} is empty, 0 bytes. {AGAIN}")
    try:
        json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text. {AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not complete JSON ({error}). {AGAIN}") from error
    try:
        # JSON may spell half a character, "\\ud83d", which nothing could write down again.
        text = whole(json.dumps(json.loads(data.decode("utf-8-sig")), ensure_ascii=False))
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # nbformat raises many kinds, one per way not to be a notebook
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{path.name} is not a Jupyter notebook ({reason}). {AGAIN}") from error
    return notebook


def other_files(folder: Path, notebook: str) -> dict[str, bytes]:
    """The submission's other plain files by path, for its kernel; none when they are too large together.

    Without code that cannot be read as text, which a person could not judge either.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    paths = [path for path in paths if path.suffix not in UNREADABLE]
    named = {str(path.relative_to(folder)): path for path in paths}
    chosen = {name: path for name, path in named.items() if name != notebook}
    if sum(path.stat().st_size for path in chosen.values()) > LARGEST_FILES:
        return {}
    return {name: path.read_bytes() for name, path in chosen.items()}


@functools.cache
def checks_digest() -> bytes:
    """A digest of the code that judges, so that a corrected check grades again what it had got wrong."""
    digest = hashlib.sha256()
    for package in ("check", "reference"):
        for path in sorted((Path(cnnlab.__file__).parent / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()


def fingerprint(folder: Path, released: Path) -> str:
    """A digest of what a grade depends on: submitted files and names, the released notebook, the checks."""
    digest = hashlib.sha256(released.read_bytes() + checks_digest())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            digest.update(f"\n{path.relative_to(folder)}\n{len(content)}\n".encode(errors="surrogateescape"))
            digest.update(content)
    return digest.hexdigest()
