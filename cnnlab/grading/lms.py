"""Whose file is whose in an export: how Moodle and Canvas name what they pack, and plain folders.

Source: Moodle, mod/assign/classes/downloader.php: `Full Name_123_assignsubmission_file/…`, in older versions
with a `_` before the slash, or flat `Full Name_123_assignsubmission_file_NAME`; 123 is the number in the
grading worksheet's column Identifier. Canvas, lib/content_zipper.rb: `doejane_LATE_12345_67890_NAME`, that is
the sortable name in lower case and letters only, `LATE` or not, the student's number, the file's number,
which grows, and the file's name.
"""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, get_args

from cnnlab.grading.archives import Entry

Platform = Literal["moodle", "canvas", "plain"]
PLATFORMS = get_args(Platform)
_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+?)(?:_(?P<rest>.*))?")
_CANVAS = re.compile(
    r"(?:(?P<name>.+?)_)??(?P<late>LATE_)?(?P<id>\d+|anon_[A-Za-z0-9]+)_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL
)
_CANVAS_TEXT = re.compile(r".*_\d+_(text|link)\.html")
_ANONYMOUS = ("participant", "teilnehmer", "teilnehmer in", "participante")
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__", ".git"}
VERSION = re.compile(r"(?:-(\d+)| ?\((\d+)\))$")


@dataclass(frozen=True)
class File:
    """One file of a submission; `number` is Canvas's, which grows with time."""

    path: PurePosixPath
    entry: Entry
    number: int = 0


@dataclass
class Submission:
    """What an export holds of one student."""

    label: str  # what the export calls it
    who: str  # the student's name; empty when the export is anonymous
    lms_id: str = ""
    late: bool = False
    files: list[File] = field(default_factory=list)


def submissions(
    files: list[Entry], assignment: str, platform: Platform | None
) -> tuple[Platform, list[Submission]]:
    """The files by student; the platform is found out unless it is said."""
    useful = [entry for entry in files if not _is_junk(entry.path)]
    placed = [(entry, PurePosixPath(*path)) for entry, path in _without_wrapper(useful, assignment)]
    kind = platform or _recognised([path for _, path in placed])
    found: dict[str, Submission] = {}
    for entry, path in placed:
        file = {"moodle": _moodle, "canvas": _canvas, "plain": _plain}[kind](path, entry, assignment)
        if file is not None:
            submission, content = file
            submission = found.setdefault(submission.label, submission)
            submission.files.append(content)
    return kind, list(found.values())


def _moodle(path: PurePosixPath, entry: Entry, assignment: str) -> tuple[Submission, File] | None:
    match = _MOODLE.fullmatch(path.parts[0])
    if match is None or match["kind"] != "file":  # typed text and comments are no notebook
        return None
    inside = path.parts[1:] or (match["rest"],)
    if not inside[0]:
        return None
    anonymous = match["name"].casefold() in _ANONYMOUS
    label = f"{match['name']}_{match['id']}"
    submission = Submission(label, "" if anonymous else match["name"], match["id"])
    return submission, File(PurePosixPath(*inside), entry)


def _canvas(path: PurePosixPath, entry: Entry, assignment: str) -> tuple[Submission, File] | None:
    match = _CANVAS.fullmatch(path.name)
    if match is None:
        return None
    name, number = match["name"] or "", match["id"]
    label = f"{name}_{number}" if name else number
    submission = Submission(label, name, number, bool(match["late"]))
    return submission, File(PurePosixPath(match["rest"]), entry, int(match["file"]))


def _plain(path: PurePosixPath, entry: Entry, assignment: str) -> tuple[Submission, File] | None:
    """`STUDENT/…`, `STUDENT.ipynb`, `STUDENT.zip`, or either with the assignment's name before or behind."""
    if len(path.parts) > 1:
        inside = path.parts[1:]
        if inside[0] == assignment and len(inside) > 1:  # nbgrader's own order: STUDENT/ASSIGNMENT/…
            inside = inside[1:]
        return Submission(path.parts[0], path.parts[0]), File(PurePosixPath(*inside), entry)
    stem = path.stem
    for pattern in (rf"(.+?)[\s_.-]+{re.escape(assignment)}", rf"{re.escape(assignment)}[\s_.-]+(.+)"):
        if match := re.fullmatch(pattern, stem, re.IGNORECASE):
            stem = match[1]
    if path.suffix.lower() not in (".ipynb", ".zip") or stem.casefold() == assignment.casefold():
        return None
    return Submission(stem, stem), File(PurePosixPath(f"{assignment}{path.suffix.lower()}"), entry)


def _recognised(paths: list[PurePosixPath]) -> Platform:
    """The platform whose names these are, for most of them."""
    moodle = sum(_MOODLE.fullmatch(path.parts[0]) is not None for path in paths)
    canvas = sum(
        len(path.parts) == 1 and bool(_CANVAS.fullmatch(path.name) or _CANVAS_TEXT.fullmatch(path.name))
        for path in paths
    )
    if 2 * moodle > len(paths):
        return "moodle"
    return "canvas" if 2 * canvas > len(paths) else "plain"


def _without_wrapper(files: list[Entry], assignment: str) -> list[tuple[Entry, tuple[str, ...]]]:
    """The paths without a folder around everything, which is no student's."""
    placed = [(entry, entry.path.parts) for entry in files]
    tops = {parts[0] for _, parts in placed}
    inner = [parts[1:] for _, parts in placed]
    if len(tops) != 1 or not all(inner) or _MOODLE.fullmatch(next(iter(tops))):
        return placed
    folders = {parts[0] for parts in inner if len(parts) > 1} - {assignment}
    named = all(_CANVAS.fullmatch(parts[0]) or _MOODLE.fullmatch(parts[0]) for parts in inner)
    all_in_folders = all(len(parts) > 1 for parts in inner) and bool(folders)
    return [(entry, parts[1:]) for entry, parts in placed] if named or all_in_folders else placed


def _is_junk(path: PurePosixPath) -> bool:
    return any(part in _JUNK or part.startswith("._") for part in path.parts)
