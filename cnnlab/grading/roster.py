"""Who is in the class, and whom a name in an export means.

Our own columns are `id`, `first name`, `last name`, `email`, `lms id`; only `id` is needed. Canvas's exported
gradebook and Moodle's grading worksheet, participants list and gradebook are understood as they come.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cnnlab.errors import InputError

# By what it means: column names as `_key` writes them, the first that fits is taken.
_ID = (
    "studentid", "id", "sisloginid", "username", "idnumber", "studentnumber", "sisuserid",
    "emailaddress", "email", "identifier",
)  # fmt: skip
_LMS_ID = ("lmsid", "lmsuserid", "canvasid", "moodleid", "identifier")
_FIRST = ("firstname", "givenname", "forename")
_LAST = ("lastname", "surname", "familyname")
_FULL = ("fullname", "name", "student")
_EMAIL = ("emailaddress", "email", "mail")
_SUBMITTED = ("lastmodifiedsubmission",)  # in Moodle's grading worksheet
LONGEST_ID = 200  # bytes; it becomes the name of a folder


@dataclass(frozen=True)
class Student:
    """A student. `id` is the name of their folder and their key in the gradebook."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_id: str = ""
    submitted: str = ""  # when, as the learning platform wrote it
    names: frozenset[str] = frozenset()  # as `folded` writes them

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.id


@dataclass
class Roster:
    """The class, and what had to be assumed to read it."""

    students: list[Student]
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._by: dict[tuple[str, str], list[Student]] = {}
        for student in self.students:
            keys = {("id", student.id), ("lms", student.lms_id), ("email", student.email.casefold())}
            keys |= {("name", name) for name in student.names}
            keys |= {("folded", folded(student.id)), ("folded", folded(student.email.partition("@")[0]))}
            for key in keys:
                if key[1]:
                    self._by.setdefault(key, []).append(student)

    def numbered(self, lms_id: str) -> list[Student]:
        """Whom the roster has with that number of a platform, by whatever name."""
        return self._by.get(("lms", lms_id), [])

    def find(self, who: str, lms_id: str = "") -> list[Student]:
        """The students that a name and a platform's number in an export can mean: none, one, or several.

        The number counts if the name does not speak against it: in Moodle's exports it is the number of a
        submission, and a roster may hold another kind of number.
        """
        agreeing = [s for s in self.numbered(lms_id) if not who or _related(who, s)]
        if agreeing:
            return agreeing
        for kind, text in (
            ("id", who),
            ("email", who.casefold()),
            ("name", folded(who)),
            ("folded", folded(who)),
        ):
            if text and (found := self._by.get((kind, text))):
                return found
        # Moodle puts the group before the name: "Group A-Jane Doe".
        for position in [match.end() for match in re.finditer("-", who)]:
            if found := self._by.get(("name", folded(who[position:]))):
                return found
        return []


def folded(name: str) -> str:
    """A name without case, accents, spaces and punctuation: "Doe, Zoë" as Canvas writes it, "doezoe"."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


def read_roster(path: Path) -> Roster:
    """The class in a CSV file; the separator and the encoding are found out.

    Raises:
        InputError: no such file, no usable column, a student twice, an id that cannot name a folder.
    """
    rows, notes = read_table(path)
    columns = {_key(name): name for name in rows[0]}
    canvas = {"student", "id"} <= columns.keys() and bool(columns.keys() & {"sisloginid", "section"})
    rows = [row for row in rows if _is_student(row, columns, canvas)]
    if not rows:
        raise InputError(f"{path} names no students; it needs a line for each below its header.")
    id_column = _id_column(rows, columns, canvas, path)
    students = [_student(row, columns, id_column, canvas) for row in rows]
    _refuse_doubtful(students, id_column, path)
    notes.append(f"students are known by the column {id_column!r} of {path.name}")
    return Roster(students, notes)


def read_table(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of a CSV file by column, and a remark when its encoding had to be guessed."""
    if not path.is_file():
        raise InputError(f"there is no file {path}.")
    text, notes = decode(path)
    text = re.sub(r"\Asep=.[^\S\n]*\r?\n", "", text)  # for Excel, which does not show it
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        table = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise InputError(f"{path} is not a table in CSV format ({error}).") from error
    if not table or len(table[0]) < 1 or "\0" in text:
        raise InputError(f"{path} is not a table in CSV format: it has no header line.")
    header = [name.strip() for name in table[0]]
    if len(table) < 2:
        raise InputError(f"{path} holds a header and nothing else; export it again.")
    return [dict(zip(header, [*row, *[""] * len(header)], strict=False)) for row in table[1:]], notes


def decode(path: Path) -> tuple[str, list[str]]:
    """The text of a file in UTF-8, with or without a byte order mark, UTF-16, or Windows's Latin-1."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16"), []
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        return text, [f"{path.name} is not UTF-8; it was read as Latin-1, look at the accents"]


def _key(column: str) -> str:
    return re.sub(r"[^a-z0-9]", "", column.casefold())


def _value(row: dict[str, str], columns: dict[str, str], wanted: Iterable[str]) -> str:
    return next((row[columns[name]].strip() for name in wanted if name in columns and row[columns[name]]), "")


def _is_student(row: dict[str, str], columns: dict[str, str], canvas: bool) -> bool:
    """Not a line of Canvas's own: points possible, posting policy, the test student's."""
    name = row[columns["student"]].strip() if canvas else "-"
    return any(row.values()) and name not in ("", "Points Possible", "Student, Test")


def _id_column(rows: list[dict[str, str]], columns: dict[str, str], canvas: bool, path: Path) -> str:
    """The column that names every student; Canvas's own number comes last."""
    wanted = [*(name for name in _ID if not (canvas and name == "id")), *(["id"] if canvas else [])]
    for name in wanted:
        if name in columns and all(row[columns[name]].strip() for row in rows):
            return columns[name]
    there = ", ".join(repr(name) for name in columns.values())
    raise InputError(
        f"{path} has no column that identifies every student; it has {there}. Add a column `id`, or export "
        "Canvas's gradebook or Moodle's grading worksheet."
    )


def _student(row: dict[str, str], columns: dict[str, str], id_column: str, canvas: bool) -> Student:
    first, last = _value(row, columns, _FIRST), _value(row, columns, _LAST)
    full = "" if first or last else _value(row, columns, _FULL)
    if "," in full:  # "Doe, Jane"
        last, _, first = (part.strip() for part in full.partition(","))
    elif full:
        first, _, last = full.rpartition(" ")
    names = {folded(f"{first} {last}"), folded(f"{last} {first}")} - {""}
    lms_id = _value(row, columns, ("id",) if canvas else _LMS_ID)
    return Student(
        row[id_column].strip(),
        first,
        last,
        _value(row, columns, _EMAIL),
        re.sub(r"^\D+(?=\d+$)", "", lms_id),  # Moodle writes "Participant 123"
        _value(row, columns, _SUBMITTED),
        frozenset(names),
    )


def _refuse_doubtful(students: list[Student], id_column: str, path: Path) -> None:
    """Raise for an id that is there twice or cannot name a folder."""
    seen: dict[str, Student] = {}
    for student in students:
        if student.id in seen:
            raise InputError(
                f"{path}: {student.id!r} stands in the column {id_column!r} twice, for "
                f"{seen[student.id].name} and {student.name}; each student needs an id of their own."
            )
        if student.id in (".", "..") or re.search(r"[/\\\0\n\r]", student.id):
            raise InputError(
                f"{path}: the id {student.id!r} cannot name a folder; write it without slashes. In a "
                "worksheet of Moodle's in another language: set Moodle to English and export it again."
            )
        if len(student.id.encode()) > LONGEST_ID:
            raise InputError(f"{path}: the id {student.id[:20]}… is longer than {LONGEST_ID} bytes.")
        seen[student.id] = student


def _related(who: str, student: Student) -> bool:
    """Whether the name in an export has anything in common with the student's."""
    parts = [folded(part) for part in re.split(r"[\s,'-]+", student.name) if len(folded(part)) > 1]
    return not student.names or any(part in folded(who) for part in parts)
