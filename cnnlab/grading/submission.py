"""Looks at one submitted folder before nbgrader does, and tells two states of it apart."""

import codecs
import functools
import hashlib
import json
import re
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.utils import parse_utc

import cnnlab
from cnnlab.check.wire import whole
from cnnlab.errors import InputError
from cnnlab.grading.archives import LARGEST_FILE, shown
from cnnlab.grading.markers import nbgrader
from cnnlab.grading.restore import known_id, released_notebook

LARGEST_FILES = 64 << 20  # bytes
MOST_PARTS = 10_000  # cells and their outputs together; to look at one can take milliseconds
MOST_ENTRIES = 1_000_000  # lists, tables and what is in tables: to hold one takes hundreds of bytes
DEEPEST_HEADING = 6
LONGEST_TIME = 100  # bytes; what is longer is none, and could take hours to read
UNREADABLE = {".pyc", ".pyo", ".pyd", ".so", ".zip", ".egg", ".whl"}  # what Python imports and is no text
STAMP = "timestamp.txt"  # where nbgrader looks for the time of handing in
NEVER_RUN = "the notebook was handed in without outputs, as if it had never been run"
AGAIN = "Ask the student to send the notebook again."


def check_submission(folder: Path, released: Path) -> Any:
    """The submitted notebook; an `InputError`, one sentence, when the folder holds none to be graded.

    Args:
        folder: `submitted/STUDENT/ASSIGNMENT`.
        released: the assignment's released notebook.
    """
    path = find_notebook(folder, released.name)
    notebook = read_notebook(path)
    ids = _grade_ids(released)
    there = {known_id(cell, ids) for cell in notebook.cells} - {None}
    if not there:
        raise InputError(
            f"{path.name} is not the {folder.name} assignment: no cell of the released notebook is in it. "
            "Ask the student to send the notebook that was handed out."
        )
    others = sorted(released.parent.parent.glob("*/*.ipynb")) if there != ids else []
    for other in others:
        if other != released and _is_rather(notebook, ids, _grade_ids(other)):
            raise InputError(
                f"{path.name} looks like {other.stem}: it has most of that assignment's cells, and few of "
                f"{folder.name}. Ask the student to send the notebook that was handed out."
            )
    return notebook


def _grade_ids(released: Path) -> set[str]:
    cells = released_notebook(released.read_text(encoding="utf-8")).cells
    return {grade_id for cell in cells if (grade_id := nbgrader(cell).get("grade_id"))}


def _is_rather(notebook: Any, ids: set[str], others: set[str]) -> bool:
    """Whether a notebook is another assignment, by the cells that only one of the two has."""
    there = {known_id(cell, ids | others) for cell in notebook.cells}
    own, foreign = ids - others, others - ids
    return 2 * len(there & foreign) > len(foreign) and 2 * len(there & own) < len(own)


def find_notebook(folder: Path, name: str) -> Path:
    """The submitted notebook: by its name, else the only one there; an `InputError` when there is none."""
    path = folder / name
    if path.is_symlink():
        raise InputError(f"{path.name} is a link to another file, not a notebook. {AGAIN}")
    if path.is_dir():
        raise InputError(f"{path.name} is a folder, not a notebook. {AGAIN}")
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
    notes, (notebook, fault) = [], _read(path)
    if path.name != released.name:
        notes.append(f"the notebook was called {path.name}")
    data = path.read_bytes()
    if data.startswith(codecs.BOM_UTF8):
        notes.append("the notebook began with a byte order mark")
    if fault:
        notes.append(f"the notebook broke the rules of its format, which was put right ({fault})")
    version = json.loads(data.decode("utf-8-sig")).get("nbformat")
    if version != 4:
        notes.append(f"the notebook was in the older format nbformat {version}")
    if not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells):
        notes.append(NEVER_RUN)
    target.mkdir(parents=True)
    nbformat.write(notebook, target / released.name)
    links = sorted(link.name for link in folder.iterdir() if link.is_symlink())
    if links:
        notes.append(f"links were left out: {', '.join(links)}")
    others = other_files(folder, path.name)
    if extra := [name for name in others if name != STAMP and not name.startswith(".")]:
        notes.append(f"other files were handed in: {_first(extra)}")
    if unread := [str(path.relative_to(folder)) for path in _plain_files(folder) if _is_unreadable(path)]:
        notes.append(f"left out, since nobody can read it as text: {_first(unread)}")
    for name, content in others.items():
        if name == STAMP and _time(content) is None:
            notes.append(f"{STAMP} holds no time and was left out")
            continue
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    return notes


def handed_in(folder: Path) -> datetime | None:
    """When the submission came in, where a record of the time says so: also of one that cannot be read."""
    stamp = folder / STAMP
    return None if stamp.is_symlink() or not stamp.is_file() else _time(stamp.read_bytes())


def _time(content: bytes) -> datetime | None:
    if len(content) > LONGEST_TIME:
        return None
    try:
        when: datetime = parse_utc(content.decode().strip())
    except Exception:  # dateutil raises many kinds, one per way not to be a time
        return None
    return when


def read_notebook(path: Path) -> Any:
    """The notebook in the file; an `InputError` says what the file is instead."""
    return _read(path)[0]


def _read(path: Path) -> tuple[Any, str]:
    """The notebook, and what in it broke the format's rules and was put right; empty when nothing did."""
    if (size := path.stat().st_size) > LARGEST_FILE:  # several times as much is needed to read it
        raise InputError(
            f"{path.name} has {size >> 20} MB, {LARGEST_FILE >> 20} MB are allowed. "
            "Ask the student to clear the outputs and to send it again."
        )
    data = path.read_bytes()
    if not data.strip():
        raise InputError(f"{path.name} is empty, 0 bytes. {AGAIN}")
    if sum(map(data.count, (b"{", b"[", b":"))) > MOST_ENTRIES:
        raise InputError(
            f"{path.name} has more than {MOST_ENTRIES:,} lists and entries. "
            "Ask the student to clear the outputs and to send it again."
        )
    try:
        content = json.loads(data.decode("utf-8-sig"))
        # JSON may spell half a character, "\\ud83d", which nothing could write down again.
        content = json.loads(whole(json.dumps(content, ensure_ascii=False)))
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text. {AGAIN}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not complete JSON ({error}). {AGAIN}") from error
    _tame(content, path.name)
    try:
        return _validated(content), ""
    except Exception as error:  # nbformat raises many kinds, one per way not to be a notebook
        reason = _reason(error)
    try:
        return _validated(_mended(content)), reason
    except Exception as error:
        raise InputError(f"{path.name} is not a Jupyter notebook ({reason}). {AGAIN}") from error


def _tame(content: Any, name: str) -> None:
    """Take out of a notebook what the format's own reader would need hours or all memory for.

    Tags that are none it compares one with every other, and a heading of the older formats it spells with as
    many signs as the file says.
    """
    cells = _cells(content)
    outputs = [made for cell in cells if isinstance(made := cell.get("outputs"), list)]
    if (parts := len(cells) + sum(map(len, outputs))) > MOST_PARTS:
        raise InputError(
            f"{name} has {parts:,} cells and outputs, {MOST_PARTS:,} are allowed. "
            "Ask the student to clear the outputs and to send it again."
        )
    for cell in cells:
        metadata = cell.get("metadata")
        if isinstance(metadata, dict) and isinstance(tags := metadata.get("tags"), list):
            metadata["tags"] = list(dict.fromkeys(tag for tag in tags if isinstance(tag, str)))
        if isinstance(level := cell.get("level"), int):
            cell["level"] = min(level, DEEPEST_HEADING)


def _cells(content: Any) -> list[dict[str, Any]]:
    """The cells of a notebook of whatever format, as far as it holds any."""
    sheets = content.get("worksheets") if isinstance(content, dict) else None
    places = [content, *(sheets if isinstance(sheets, list) else [])]
    lists = [place.get("cells") for place in places if isinstance(place, dict)]
    cells = [cell for one in lists if isinstance(one, list) for cell in one]
    return [cell for cell in cells if isinstance(cell, dict)]


def _validated(content: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ids that are missing or there twice: put right, each with a remark
        # `nbformat.reads` would look at it as well, and only log what is wrong.
        notebook = nbformat.convert(nbformat.reader.reads(json.dumps(content)), 4)
        nbformat.validate(notebook)
    return notebook


def _reason(error: Exception) -> str:
    """What an error says, in a few words: it may quote any part of the file, but no Python of ours."""
    said = str(error).strip()
    if isinstance(error, AttributeError | TypeError | LookupError) or "object has no attribute" in said:
        return "what should be a table or a list in it is something else"
    return shown(said.splitlines()[0] if said else type(error).__name__)


def _mended(content: dict[str, Any]) -> dict[str, Any]:
    """The notebook with the parts that are read of it (`restore`), where only others break the rules.

    Raises:
        Exception: of many kinds, when it is no notebook of today's format at all.
    """
    if content["nbformat"] != 4:
        raise ValueError("an older format is taken as it is or not at all")
    cells = [_mended_cell(cell, position) for position, cell in enumerate(content["cells"])]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def _mended_cell(cell: dict[str, Any], position: int) -> dict[str, Any]:
    kind, metadata, cell_id = cell["cell_type"], cell.get("metadata"), cell.get("id")
    metadata = metadata if isinstance(metadata, dict) else {}
    known = isinstance(cell_id, str) and re.fullmatch("[a-zA-Z0-9_-]{1,64}", cell_id)
    mended = {
        "id": cell_id if known else f"mended-{position}",
        "cell_type": kind,
        "source": cell["source"],
        "metadata": {
            name: metadata[name]
            for name, allowed in (("nbgrader", dict), ("tags", list))
            if isinstance(metadata.get(name), allowed)
        },
    }
    if kind == "code":
        outputs = cell.get("outputs")
        outputs = list(filter(_is_output, outputs)) if isinstance(outputs, list) else []
        return mended | {"outputs": outputs, "execution_count": None}
    attachments = cell.get("attachments")
    return mended | ({"attachments": attachments} if isinstance(attachments, dict) else {})


def _is_output(output: Any) -> bool:
    return bool(nbformat.validator.isvalid(output, ref="output", version=4, version_minor=5))


def other_files(folder: Path, notebook: str) -> dict[str, bytes]:
    """The submission's other plain files by path, for its kernel; none when they are too large together.

    Without code that cannot be read as text, which a person could not judge either.
    """
    paths = [path for path in _plain_files(folder) if not _is_unreadable(path)]
    named = {str(path.relative_to(folder)): path for path in paths}
    chosen = {name: path for name, path in named.items() if name != notebook}
    if sum(path.stat().st_size for path in chosen.values()) > LARGEST_FILES:
        return {}
    return {name: path.read_bytes() for name, path in chosen.items()}


def _plain_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]


def _is_unreadable(path: Path) -> bool:
    return path.suffix in UNREADABLE


def _first(names: list[str]) -> str:
    return f"{', '.join(names[:10])}{' …' if names[10:] else ''}"


@functools.cache
def checks_digest() -> bytes:
    """A digest of the code that judges, so that a corrected check grades again what it had got wrong."""
    digest = hashlib.sha256()
    for package in ("check", "reference"):
        for path in sorted((Path(cnnlab.__file__).parent / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()


def fingerprint(folder: Path, released: Path) -> str:
    """What a grade depends on, as two digests: the released notebook with the checks, and the submission."""
    given = hashlib.sha256(released.read_bytes() + checks_digest())
    return f"{given.hexdigest()} {submission_digest(folder)}"


def submission_digest(folder: Path) -> str:
    """A digest of submitted files and their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").digest()
            digest.update(f"\n{path.relative_to(folder)}\n".encode(errors="surrogateescape") + content)
    return digest.hexdigest()
