"""Reads what an instructor downloaded, a zip archive or a folder, without believing any of it.

Covered: names that lead out of the folder (`../`, absolute, drive letters), symbolic links and what lies
behind them, devices and pipes, encrypted and damaged members, names that occur twice or differ in case only,
members that unpack to more than they may (by what they say and by what they do). Each is refused by name; the
rest of the archive is read. Nothing is ever unpacked to the disk here: a caller asks for the bytes of one
member and decides where they go.

Not covered: what the files mean. A notebook is code of a stranger and runs in the sandbox only.
"""

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from cnnlab.errors import InputError

LARGEST_FILE = 64 << 20  # bytes, unpacked
SURELY_NO_BOMB = 8 << 20  # bytes: below that, any ratio is harmless
MOST_PACKED = 200  # a notebook packs about ten times
MOST_MEMBERS = 1_000_000
DEEPEST = 30  # folders within folders
LONGEST_NAME = 255  # bytes of one part of a path; the limit of Linux's file systems
LONGEST_PATH = 1000  # bytes; with the course's folders before it far from Linux's limit
LONGEST_SENTENCE = 2000  # characters
# Of the others, Python unpacks all that it has read at once, however little is asked for.
_KNOWN_PACKING = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_NO_ARCHIVE = (zipfile.BadZipFile, NotImplementedError, OSError, ValueError)  # the second: of a later format


class RefusedError(Exception):
    """A member that is not read; the text says why."""


@dataclass(frozen=True)
class Entry:
    """One file of the export. `date` is the archive's word, without a time zone."""

    path: PurePosixPath
    size: int
    date: datetime
    read: Callable[[], bytes] = field(repr=False, compare=False)


@dataclass
class Contents:
    """The files that may be read, and (name, reason) of those that may not."""

    files: list[Entry] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    _taken: dict[str, str] = field(default_factory=dict, repr=False)  # file or link, by its folded name

    def add(self, entry: Entry) -> None:
        """Take a file in, unless another one has its name or lies in its way."""
        key = _folded(entry.path)
        if key in self._taken:
            self.refuse(str(entry.path), f"its name is the same as that of {shown(self._taken[key])}")
            return
        for parent in entry.path.parents:
            if _folded(parent) in self._taken:
                self.refuse(str(entry.path), f"it lies behind {shown(str(parent))}, which is no folder")
                return
        self._taken[key] = str(entry.path)
        self.files.append(entry)

    def refuse(self, name: str, why: str, *, link: bool = False) -> None:
        """Note that a member is not read; nothing may lie behind a link either."""
        self.refused.append((name, why))
        if link:
            self._taken.setdefault(_folded(PurePosixPath(name)), name)


@contextmanager
def opened(path: Path) -> Iterator[Contents]:
    """What is in a zip archive or a folder.

    Raises:
        InputError: it is neither, or the archive is damaged as a whole.
    """
    if path.is_dir():
        yield _folder(path)
        return
    if not path.is_file():
        raise InputError(f"there is no file or folder {path}.")
    try:
        archive = zipfile.ZipFile(path)
    except _NO_ARCHIVE as error:
        raise InputError(
            f"{path} is not a complete zip archive ({error}); download it again, "
            "or unpack it and name the folder."
        ) from error
    with archive:
        yield _members(archive, path.name)


@contextmanager
def nested(data: bytes, name: str) -> Iterator[Contents]:
    """What is in a zip archive that a student has handed in; `RefusedError` when it is none."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _NO_ARCHIVE as error:
        raise RefusedError(f"it is not a complete zip archive ({error})") from error
    with archive:
        try:
            yield _members(archive, name)
        except InputError as error:
            raise RefusedError(str(error)) from error


def shown(name: str) -> str:
    """The name as it can be printed on any terminal, on one line."""
    text = printable(name)
    return text if len(text) <= 120 else f"{text[:117]}…"


def printable(text: str) -> str:
    """A sentence with names in it, likewise; a terminal would obey the control characters of a name."""
    text = text[:LONGEST_SENTENCE] + ("…" if len(text) > LONGEST_SENTENCE else "")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def path_fault(name: str) -> str | None:
    """Why a name is no place inside a folder; None when it is one."""
    parts = re.split(r"[/\\]", name.rstrip("/\\"))
    if name.startswith(("/", "\\")):
        return "its name is an absolute path"
    if re.match(r"[A-Za-z]:", name):
        return "its name begins with a drive letter"
    if ".." in parts:
        return "its name leads out of the folder (..)"
    if not all(part not in ("", ".") for part in parts):
        return "its name has an empty part"
    if any(ord(character) < 32 for character in name):
        return "its name holds a control character"
    if len(parts) > DEEPEST:
        return f"it lies {len(parts)} folders deep, {DEEPEST} are allowed"
    if any(len(part.encode(errors="surrogateescape")) > LONGEST_NAME for part in parts):
        return f"its name is longer than {LONGEST_NAME} bytes"
    if len(name.encode(errors="surrogateescape")) > LONGEST_PATH:
        return f"its path is longer than {LONGEST_PATH} bytes"
    return None


def _members(archive: zipfile.ZipFile, name: str) -> Contents:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise InputError(f"{name} says it holds {len(members):,} files; {MOST_MEMBERS:,} is the most.")
    contents = Contents()
    for info in members:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if fault := _fault(info, kind):
            contents.refuse(info.filename, fault, link=kind == stat.S_IFLNK)
        elif not (info.is_dir() or kind == stat.S_IFDIR):
            path = PurePosixPath(*re.split(r"[/\\]", info.filename))
            contents.add(Entry(path, info.file_size, _date(info.date_time), _reader(archive, info)))
    return contents


def _fault(info: zipfile.ZipInfo, kind: int) -> str | None:
    """Why a member of an archive is not to be read."""
    if "\0" in info.orig_filename:
        return "its name holds a zero byte"
    if fault := path_fault(info.filename):
        return fault
    if kind == stat.S_IFLNK:
        return "it is a symbolic link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is a device, a pipe or a socket"
    if info.flag_bits & 0x1:
        return "it is encrypted"
    if info.compress_type not in _KNOWN_PACKING:
        return f"it is packed by method {info.compress_type}; what is zipped as usual can be read"
    if info.file_size > LARGEST_FILE:
        return f"it unpacks to {info.file_size >> 20} MB, {LARGEST_FILE >> 20} MB are allowed"
    if info.file_size > max(SURELY_NO_BOMB, MOST_PACKED * info.compress_size):
        return f"it unpacks to {info.file_size // max(1, info.compress_size)} times its size, a bomb"
    return None


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            with archive.open(info) as file:
                data = file.read(LARGEST_FILE + 1)
                while len(data) <= LARGEST_FILE and (more := file.read(1 << 20)):
                    data += more  # to the end, where the checksum is compared
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
            raise RefusedError(f"it is damaged ({error})") from error
        if len(data) > LARGEST_FILE:
            raise RefusedError(f"it unpacks to more than {LARGEST_FILE >> 20} MB")
        return data

    return read


def _date(parts: tuple[int, int, int, int, int, int]) -> datetime:
    try:
        return datetime(*parts)
    except ValueError:  # a month of 0 and the like
        return datetime(1980, 1, 1)


def _folder(root: Path) -> Contents:
    contents, waiting = Contents(), [root]
    while waiting:
        folder = waiting.pop()
        for item in sorted(os.scandir(folder), key=lambda item: item.name):
            path = PurePosixPath(Path(item.path).relative_to(root).as_posix())
            status = item.stat(follow_symlinks=False)
            if item.is_symlink():
                contents.refuse(str(path), "it is a symbolic link", link=True)
            elif item.is_dir(follow_symlinks=False):
                if len(path.parts) < DEEPEST:
                    waiting.append(Path(item.path))
                else:
                    contents.refuse(str(path), f"it lies {len(path.parts)} folders deep")
            elif not stat.S_ISREG(status.st_mode):
                contents.refuse(str(path), "it is a device, a pipe or a socket")
            elif status.st_size > LARGEST_FILE:
                contents.refuse(
                    str(path), f"it has {status.st_size >> 20} MB, {LARGEST_FILE >> 20} are allowed"
                )
            else:
                date = datetime.fromtimestamp(status.st_mtime)
                contents.add(Entry(path, status.st_size, date, Path(item.path).read_bytes))
    return contents


def _folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
