"""Whose file is whose in an export: how Moodle and Canvas name what they pack, and plain folders.

Source: Moodle, mod/assign/classes/downloader.php: `Full Name_123_assignsubmission_file/…`, in older versions
with a `_` before the slash, or flat `Full Name_123_assignsubmission_file_NAME`; 123 is the number in the
grading worksheet's column Identifier. Canvas, lib/content_zipper.rb: `doejane_LATE_12345_67890_NAME`, that is
the sortable name in lower case and letters only, `LATE` or not, the student's number, the file's number,
which grows, and the file's name.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, get_args

from cnnlab.grading.archives import Entry

Platform = Literal["moodle", "canvas", "plain"]
PLATFORMS = get_args(Platform)
# The first number counts: behind it students choose the names of their files.
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+?)(?:_(?P<rest>.*))?")
_CANVAS = re.compile(
    r"(?:(?P<name>.+?)_)??(?P<late>LATE_)?(?P<id>\d+|anon_[A-Za-z0-9]+)_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL
)
_CANVAS_TEXT = re.compile(
    r"(?:(?P<name>.+?)_)??(?P<late>LATE_)?(?P<id>\d+|anon_[A-Za-z0-9]+)_(text|link)\.html"
)
_ANONYMOUS = ("participant", "teilnehmer", "teilnehmer in", "participante")
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints", "__pycache__", ".git"}
_HARMLESS = {".txt", ".md", ".csv", ".log", ".ini", ".db", ".png", ".jpg", ".jpeg", ".gif", ".svg"}
VERSION = re.compile(r"(?:-(\d+)| ?\((\d+)\))$")


@dataclass(frozen=True)
class File:
    """One file of a submission; `number` is Canvas's, which grows with time."""

    path: PurePosixPath
    entry: Entry
    number: int = 0


@dataclass
class Submission:
    """What an export holds of one student; without files it is a text typed into the platform."""

    label: str  # what the export calls it
    who: str  # the student's name; empty when the export is anonymous
    lms_id: str = ""
    late: bool = False
    files: list[File] = field(default_factory=list)


@dataclass
class Sorted:
    """An export's files by student. `left` are nobody's; `wrapper` was around everything, and is no name."""

    kind: Platform
    submissions: list[Submission]
    left: list[PurePosixPath]
    wrapper: str | None


def submissions(
    files: list[Entry],
    assignment: str,
    platform: Platform | None,
    knows: Callable[[str], bool] | None,
) -> Sorted:
    """The files by student; the platform is found out unless it is said.

    Args:
        files: of the export.
        assignment: whose notebook they should be.
        platform: how they are named; None to find it out.
        knows: whether a name is a student's; None where there is no roster.
    """
    useful = [entry for entry in files if not _is_junk(entry.path)]
    wrapper = _wrapper([entry.path for entry in useful], assignment, knows)
    placed = [(entry, _within(entry.path, wrapper)) for entry in useful]
    kind = platform or _recognised([path for _, path in placed if may_be_work(path)])
    found: dict[str, Submission] = {}
    left = []
    for entry, path in placed:
        belongs = {"moodle": _moodle, "canvas": _canvas, "plain": _plain}[kind](path, assignment)
        if belongs is None:
            left.append(entry.path)
            continue
        submission, inside, number = belongs
        submission = found.setdefault(submission.label, submission)
        if inside is not None:
            submission.files.append(File(inside, entry, number))
    return Sorted(kind, list(found.values()), left, wrapper)


def may_be_work(path: PurePosixPath) -> bool:
    """Whether a file could be what somebody handed in, so that it is not passed over without a word."""
    harmless = path.suffix.lower() in _HARMLESS or path.name.startswith(".") or _is_junk(path)
    return ".ipynb" in path.name.lower() or not harmless


# Whose a file is, where it lies within what they handed in, and its number; no place for a typed text.
Belongs = tuple[Submission, PurePosixPath | None, int]


def _moodle(path: PurePosixPath, assignment: str) -> Belongs | None:
    match = _MOODLE.fullmatch(path.parts[0])
    if match is None or match["kind"] not in ("file", "onlinetext"):
        return None
    anonymous = match["name"].casefold() in _ANONYMOUS
    label = f"{match['name']}_{match['id']}"
    submission = Submission(label, "" if anonymous else match["name"], match["id"])
    if match["kind"] == "onlinetext":
        return submission, None, 0
    inside = path.parts[1:] or (match["rest"],)
    return (submission, PurePosixPath(*inside), 0) if inside[0] else None


def _canvas(path: PurePosixPath, assignment: str) -> Belongs | None:
    match = _CANVAS.fullmatch(path.name) or _CANVAS_TEXT.fullmatch(path.name)
    if match is None:
        return None
    name, number = match["name"] or "", match["id"]
    label = f"{name}_{number}" if name else number
    submission = Submission(label, name, number, bool(match["late"]))
    if match.re is _CANVAS_TEXT:
        return submission, None, 0
    return submission, PurePosixPath(match["rest"]), int(match["file"])


def _plain(path: PurePosixPath, assignment: str) -> Belongs | None:
    """`STUDENT/…`, `STUDENT.ipynb`, `STUDENT.zip`, or either with the assignment's name before or behind."""
    if len(path.parts) > 1:
        inside = path.parts[1:]
        if inside[0] == assignment and len(inside) > 1:  # nbgrader's own order: STUDENT/ASSIGNMENT/…
            inside = inside[1:]
        return Submission(path.parts[0], path.parts[0]), PurePosixPath(*inside), 0
    stem = path.stem
    for pattern in (rf"(.+?)[\s_.-]+{re.escape(assignment)}", rf"{re.escape(assignment)}[\s_.-]+(.+)"):
        if match := re.fullmatch(pattern, stem, re.IGNORECASE):
            stem = match[1]
    if path.suffix.lower() not in (".ipynb", ".zip") or stem.casefold() == assignment.casefold():
        return None
    return Submission(stem, stem), PurePosixPath(f"{assignment}{path.suffix.lower()}"), 0


def _recognised(paths: list[PurePosixPath]) -> Platform:
    """The platform whose names these are: Moodle's are like nobody else's, Canvas's for most of the files."""
    canvas = sum(
        len(path.parts) == 1 and bool(_CANVAS.fullmatch(path.name) or _CANVAS_TEXT.fullmatch(path.name))
        for path in paths
    )
    if any(_MOODLE.fullmatch(path.parts[0]) for path in paths):
        return "moodle"
    return "canvas" if 2 * canvas > len(paths) else "plain"


def _wrapper(paths: list[PurePosixPath], assignment: str, knows: Callable[[str], bool] | None) -> str | None:
    """The name of a folder around everything that could be work, if it is no student's.

    The roster says so, or the platform's names in it; without them several folders with work in it do, or
    folders STUDENT/ASSIGNMENT. A single folder in a folder could be either's, and stays where it is.
    """
    work = [path for path in paths if may_be_work(path)]
    tops = {path.parts[0] for path in work}
    if len(tops) != 1 or min(len(path.parts) for path in work) == 1 or _MOODLE.fullmatch(work[0].parts[0]):
        return None
    top = tops.pop()
    inner = [_within(path, top) for path in work]
    platforms = sum(
        bool(_CANVAS.fullmatch(path.parts[0]) or _MOODLE.fullmatch(path.parts[0])) for path in inner
    )
    if 2 * platforms > len(inner):
        return top
    if knows:
        named = [belongs[0].who for path in inner if (belongs := _plain(path, assignment))]
        return None if knows(top) or not any(map(knows, named)) else top
    handed_in = [path for path in inner if path.suffix.lower() in (".ipynb", ".zip")]
    folders = {path.parts[0] for path in handed_in if len(path.parts) > 1} - {assignment}
    loose = any(len(path.parts) == 1 and path.stem.casefold() == assignment.casefold() for path in handed_in)
    ordered = all(path.parts[1] == assignment for path in inner if len(path.parts) > 2)
    ordered = ordered and any(len(path.parts) > 2 for path in handed_in)
    return top if folders and not loose and (len(folders) > 1 or ordered) else None


def _within(path: PurePosixPath, folder: str | None) -> PurePosixPath:
    """The path without that folder before it."""
    return PurePosixPath(*path.parts[1:]) if path.parts[0] == folder and len(path.parts) > 1 else path


def _is_junk(path: PurePosixPath) -> bool:
    return any(part in _JUNK or part.startswith("._") for part in path.parts)
