"""Takes what students handed in out of a learning platform's export and puts it where nbgrader looks for it.

Nobody is guessed: a name that fits no student of the roster, or several, is told and left. A submission
appears whole or not at all, a newer one is never replaced by an older one, and what is replaced is kept.
"""

import hashlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from cnnlab.errors import InputError
from cnnlab.grading.archives import Contents, Entry, RefusedError, nested, opened, path_fault, shown
from cnnlab.grading.lms import VERSION, File, Platform, Sorted, Submission, may_be_work, submissions
from cnnlab.grading.markers import nbgrader
from cnnlab.grading.roster import Roster, Student
from cnnlab.grading.times import Clock

MOST_FILES = 1000  # of one student
MOST_BYTES = 64 << 20  # of one student
STAMP = "timestamp.txt"  # nbgrader's
ONLY_TEXT = "handed in online text only, no notebook"
State = Literal["new", "newer", "same", "kept", "refused", "left out", "note"]


@dataclass(frozen=True)
class Collected:
    """What became of one submission of an export, or of what is none.

    `kept`, `refused` and `left out` are for a person to look at.
    """

    label: str
    student: str | None
    state: State
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Chosen:
    """What is written for one student: their notebook under its proper name, and what lay beside it."""

    files: dict[PurePosixPath, bytes]
    age: tuple[str, float]  # of what kind, and how new
    notes: list[str]


@dataclass
class Collector:
    """Collects the submissions of one assignment.

    Attributes:
        root: the course folder.
        released: the assignment's released notebook.
        roster: the class; without one the names in a plain export are the students' ids.
        clock: when submissions came in.
        replace: also what is already there and cannot be told to be older.
        dry_run: write nothing.
    """

    root: Path
    released: Path
    roster: Roster | None
    clock: Clock
    replace: bool = False
    dry_run: bool = False

    @property
    def assignment(self) -> str:
        return self.released.stem

    def collect(self, archive: Path, platform: Platform | None = None) -> Iterator[Collected]:
        """Collect an export's submissions; yields what became of each, refused members first."""
        with opened(archive) as contents:
            yield from _refusals(contents, "")
            knows = (lambda who: bool(roster.find(who))) if (roster := self.roster) else None
            found = submissions(contents.files, self.assignment, platform, knows)
            if not found.submissions:
                raise InputError(
                    f"{archive} holds no submission of {self.assignment}: neither files as Moodle or Canvas "
                    "name them nor a notebook or a folder per student."
                )
            if self.roster is None and found.kind != "plain":
                raise InputError(
                    f"{archive} is an export of {found.kind.title()} and needs the class to match it with: "
                    f"add --roster FILE, a table exported there, or put it at {self.root / 'roster.csv'}."
                )
            owners = [(submission, *self._owner(submission)) for submission in found.submissions]
            claims = Counter(student.id for _, student, _ in owners if student)
            for submission, student, why in owners:
                if student and claims[student.id] > 1:
                    others = [s.label for s, other, _ in owners if other == student and s is not submission]
                    why = f"{', '.join(map(shown, others))} is {student.id} too; which one counts?"
                if why or student is None:
                    yield Collected(submission.label, None, "refused", [why])
                elif not submission.files:
                    yield Collected(submission.label, student.id, "left out", [ONLY_TEXT])
                else:
                    yield self._take(submission, student)
            yield from _others(found)

    def _owner(self, submission: Submission) -> tuple[Student | None, str]:
        """Whose it is; or why nobody can say."""
        if self.roster is None:
            fault = path_fault(submission.who) or _doubt(submission)
            return (None, fault) if fault else (Student(submission.who), "")
        found = self.roster.find(submission.who, submission.lms_id)
        if len(found) == 1:
            return found[0], ""
        if found:
            ids = ", ".join(student.id for student in found)
            return None, f"it can be {ids}; put its files into a folder with the right id and collect that"
        if numbered := self.roster.numbered(submission.lms_id):
            whose = ", ".join(f"{student.id}, {student.name}" for student in numbered)
            return None, (
                f"the roster has its number {submission.lms_id} for {whose}, whose name is another; put the "
                "roster right, or its files into a folder with the right id, and collect that"
            )
        return None, "no student of the roster has this name or number"

    def _take(self, submission: Submission, student: Student) -> Collected:
        """Write one submission."""
        try:
            chosen = self._choose(submission)
            state, notes = self._write(chosen, submission, student)
        except (RefusedError, InputError, OSError) as error:
            # The disk is full or read-only, or takes no such names; the others may still fit.
            why = f"it cannot be written ({error.strerror})" if isinstance(error, OSError) else str(error)
            self._remember(student, why)
            return Collected(submission.label, student.id, "refused", [why])
        if submission.late:
            notes = [*notes, "late by the platform's mark"]
        return Collected(submission.label, student.id, state, [*chosen.notes, *notes])

    def _remember(self, student: Student, why: str) -> None:
        """For `grade` to tell again: else it would seem later that nothing had been handed in."""
        if self.dry_run:
            return
        with suppress(OSError):  # a full or read-only disk; it has been told once, at least
            _write_whole(refusal(self.root, student.id, self.assignment), why)

    def _choose(self, submission: Submission) -> _Chosen:
        """The notebook that counts and the files beside it, read."""
        files = submission.files
        notes: list[str] = []
        _refuse_too_much(files)
        if not any(file.path.suffix.lower() == ".ipynb" for file in files):
            archives = [file for file in files if file.path.suffix.lower() == ".zip"]
            if len(archives) != 1:
                raise RefusedError(f"there is no notebook in it, but {_listed(files)}")
            return self._choose_within(submission, archives[0])
        notebook = self._notebook(files, notes)
        versions = [file for file in files if _stem(file.path) == self.assignment.casefold()]
        contents = {PurePosixPath(self.released.name): notebook.entry.read()}
        for file in files:
            if file is notebook or file in versions:
                continue
            if not file.path.is_relative_to(notebook.path.parent) or STAMP in file.path.parts:
                notes.append(f"{shown(str(file.path))} was left out")
                continue
            contents[file.path.relative_to(notebook.path.parent)] = file.entry.read()
        if beside := [str(path) for path in contents if str(path) != self.released.name]:
            notes.append(f"beside it: {_names(beside)}")
        if packed := [path for path in beside if path.lower().endswith(".zip")]:
            notes.append(f"{_names(packed)} not opened, since there is a notebook")
        if notebook.number:
            age = ("number", float(notebook.number))
        else:
            age = ("date", notebook.entry.date.timestamp())
        return _Chosen(contents, age, notes)

    def _choose_within(self, submission: Submission, file: File) -> _Chosen:
        """The same for an archive that the student handed in; one inside it is not opened."""
        with nested(file.entry.read(), file.path.name) as contents:
            inner = [File(entry.path, entry, file.number) for entry in _useful(contents)]
            tops = {entry.path.parts[0] for entry in inner if len(entry.path.parts) > 1}
            if not any(entry.path.suffix.lower() == ".ipynb" for entry in inner):
                refused = "".join(f"; {shown(name)}: {why}" for name, why in contents.refused[:3])
                raise RefusedError(f"there is no notebook in {shown(file.path.name)}{refused}")
            chosen = self._choose(Submission(submission.label, submission.who, files=inner))
            lost = [f"{shown(name)} in it was refused: {why}" for name, why in contents.refused[:3]]
        within = f" ({', '.join(sorted(tops))}/)" if len(tops) == 1 else ""
        notes = [f"unpacked from {shown(file.path.name)}{within}", *lost, *chosen.notes]
        return _Chosen(chosen.files, chosen.age, notes)

    def _notebook(self, files: list[File], notes: list[str]) -> File:
        """The notebook that counts: by its name, the newest; else the only one that is this assignment."""
        notebooks = [file for file in files if file.path.suffix.lower() == ".ipynb"]
        named = [file for file in notebooks if _stem(file.path) == self.assignment.casefold()]
        if named:
            chosen = max(named, key=_age)
            if len(named) > 1:
                names = ", ".join(shown(str(file.path)) for file in named if file is not chosen)
                notes.append(f"{shown(str(chosen.path))} is the newest and counts, not {names}")
            return chosen
        ours = [file for file in notebooks if self._is_ours(file.entry)] or notebooks
        if len(ours) > 1:
            raise RefusedError(f"there is no {self.released.name}, and it can be any of {_listed(ours)}")
        notes.append(f"{shown(str(ours[0].path))} was renamed to {self.released.name}")
        return ours[0]

    def _is_ours(self, entry: Entry) -> bool:
        """Whether a notebook holds cells of the released one."""
        try:
            cells = json.loads(entry.read())["cells"]
            return bool({nbgrader(cell).get("grade_id") for cell in cells} & self._grade_ids())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return False

    def _grade_ids(self) -> set[Any]:
        cells = json.loads(self.released.read_text(encoding="utf-8"))["cells"]
        return {nbgrader(cell).get("grade_id") for cell in cells} - {None}

    def _write(self, chosen: _Chosen, submission: Submission, student: Student) -> tuple[State, list[str]]:
        """Put the files in place, unless what is there is the same or newer."""
        target = self.root / "submitted" / student.id / self.assignment
        record = self.root / "collected" / student.id / f"{self.assignment}.json"
        received, notes = self.clock.received(student)
        age = ("received", received.timestamp()) if received else chosen.age
        state: State = "newer" if target.exists() else "new"
        if target.exists():
            if _digest(chosen.files) == _digest(_read(target)):
                state = "same"
            elif not self.replace and (why := _not_newer(record, age)):
                return "kept", [f"there is another version already, {why}; --replace takes this one", *notes]
        if self.dry_run:
            return state, notes
        if state != "same":
            self._place(chosen.files, target, record.parent)
        if received:
            _write_whole(target / STAMP, f"{received.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
        about = {"age": age, "late": submission.late, "label": submission.label}
        _write_whole(record, json.dumps(about))
        refusal(self.root, student.id, self.assignment).unlink(missing_ok=True)
        return state, notes

    def _place(self, files: dict[PurePosixPath, bytes], target: Path, kept: Path) -> None:
        """Write a folder beside the course's own and move it into place; the old one is kept."""
        kept.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".collecting-", dir=self.root) as folder:
            new = Path(folder, "new")
            for path, content in files.items():
                place = new / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            if target.exists():
                numbers = range(1, len(list(kept.iterdir())) + 2)
                old = next(p for n in numbers if not (p := kept / f"{self.assignment}.old-{n}").exists())
                os.rename(target, old)
            os.rename(new, target)


def refusal(root: Path, student: str, assignment: str) -> Path:
    """Where it is written down why a student's last submission was refused; no file when it was not."""
    return root / "collected" / student / f"{assignment}.refused.txt"


def refused(root: Path, assignment: str, students: Collection[str] = ()) -> dict[str, str]:
    """Who handed in only what was refused, and why; of these students, of all when none is named."""
    records = sorted((root / "collected").glob(f"*/{assignment}.refused.txt"))
    reasons = {path.parent.name: path.read_text(encoding="utf-8") for path in records}
    return {
        student: why
        for student, why in reasons.items()
        if (not students or student in students) and not (root / "submitted" / student / assignment).exists()
    }


def register(roster: Roster, gradebook: Any) -> None:
    """Put the class into the gradebook, so that who handed in nothing has a row as well."""
    for student in roster.students:
        known = {
            "first_name": student.first_name,
            "last_name": student.last_name,
            "email": student.email,
            "lms_user_id": student.lms_id,
        }
        gradebook.update_or_create_student(student.id, **{name: text for name, text in known.items() if text})


def _refusals(contents: Contents, where: str) -> Iterator[Collected]:
    for name, why in contents.refused:
        yield Collected(where + name, None, "refused", [why])


def _others(found: Sorted) -> Iterator[Collected]:
    """What is nobody's: whatever may be somebody's work by name, the rest in one line."""
    for path in filter(may_be_work, found.left):
        yield Collected(str(path), None, "left out", ["belongs to nobody"])
    if harmless := [str(path) for path in found.left if not may_be_work(path)]:
        yield Collected(_names(harmless), None, "note", ["nobody's, passed over"])
    if found.wrapper:
        yield Collected(f"{found.wrapper}/", None, "note", ["a folder around everything, and no student"])


def _doubt(submission: Submission) -> str | None:
    """Why a folder may not be its student's where no roster says so; None when it is."""
    notebooks = [file.path for file in submission.files if file.path.suffix.lower() == ".ipynb"]
    archives = [file.path for file in submission.files if file.path.suffix.lower() == ".zip"]
    deeper = [path for path in notebooks or archives if len(path.parts) > 1]
    if not deeper:
        return None
    folders = _names(sorted({f"{submission.who}/{path.parent}" for path in deeper}))
    return (
        f"{folders} can be somebody else's; add --roster FILE, or put the notebook right into a folder with "
        "the student's id"
    )


def _useful(contents: Contents) -> list[Entry]:
    junk = ("__MACOSX", ".ipynb_checkpoints", "__pycache__", ".DS_Store")
    return [entry for entry in contents.files if not any(part in junk for part in entry.path.parts)]


def _refuse_too_much(files: list[File]) -> None:
    size = sum(file.entry.size for file in files)
    if len(files) > MOST_FILES:
        raise RefusedError(f"it holds {len(files):,} files, {MOST_FILES:,} are allowed")
    if size > MOST_BYTES:
        raise RefusedError(f"its files have {size >> 20} MB together, {MOST_BYTES >> 20} MB are allowed")


def _stem(path: PurePosixPath) -> str:
    """A notebook's name without what Canvas and browsers add to a second version."""
    return VERSION.sub("", path.stem).casefold() if path.suffix.lower() == ".ipynb" else ""


def _age(file: File) -> tuple[int, datetime, int]:
    version = VERSION.search(file.path.stem)
    return file.number, file.entry.date, int(version[1] or version[2]) if version else 0


def _listed(files: list[File]) -> str:
    return _names([str(file.path) for file in files])


def _names(names: list[str]) -> str:
    names = [shown(name) for name in names]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _read(folder: Path) -> dict[PurePosixPath, bytes]:
    """A submitted folder's own files."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    named = {PurePosixPath(path.relative_to(folder).as_posix()): path for path in paths}
    return {name: path.read_bytes() for name, path in named.items() if str(name) != STAMP}


def _digest(files: dict[PurePosixPath, bytes]) -> str:
    parts = [f"{path} {hashlib.sha256(content).hexdigest()}" for path, content in sorted(files.items())]
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()


def _not_newer(record: Path, age: tuple[str, float]) -> str:
    """Why a version cannot replace the one that is there; empty when it is newer for certain."""
    if not record.is_file():
        return "which was not put there by this command"
    kind, value = json.loads(record.read_text())["age"]
    if kind != age[0]:
        return "and nothing tells which one is newer"
    return "" if age[1] > value else "which is not older"


def _write_whole(path: Path, text: str) -> None:
    """Write a file that is either there with all of its text or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    half.write_text(text, encoding="utf-8")
    os.replace(half, path)
