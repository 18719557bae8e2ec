"""What a user is told about bad input: one sentence that says what was wrong, what is allowed, what to do."""

import difflib
import errno
from collections.abc import Iterable

UNWRITABLE = {
    errno.ENOSPC: "Make room, then run the command again.",
    errno.EDQUOT: "Make room, then run the command again.",
    errno.EFBIG: "Make room, then run the command again.",
    errno.EROFS: "Make that place writable for you, then run the command again.",
    errno.EACCES: "Make it accessible for you, then run the command again.",
    errno.EPERM: "Make it accessible for you, then run the command again.",
}


MOST_NAMES = 20  # in one sentence


class InputError(ValueError):
    """Bad input from a person; the command line prints it without a traceback and exits with code 2."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback through our own frames."""
        return [f"{type(self).__name__}: {self}"]


def unknown(kind: str, given: object, known: Iterable[str]) -> InputError:
    """An `InputError` for a name that is not known: the nearest match first, then the known names.

    Args:
        kind: what the name is of, for example "dataset".
        given: what the user wrote.
        known: the names that would have been accepted.
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(str(given), names, n=1, cutoff=0.6)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return InputError(f"unknown {kind} {given!r}.{hint} Known: {', '.join(names[:MOST_NAMES])}{more}.")


def in_a_sentence(error: BaseException) -> str | None:
    """What to tell a person about an error that is theirs to mend; None for a mistake of the program's.

    Bad input; a disk that is full, read-only or closed to this user; a database with such a trouble.
    """
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}. {UNWRITABLE[error.errno]}"
    # By the modules' names: whoever has no gradebook need not import its libraries.
    kind = f"{type(error).__module__}.{type(error).__name__}"
    if kind.startswith(("sqlalchemy.exc.", "sqlite3.", "nbgrader.api.InvalidEntry")):
        said = str(error).strip().splitlines()[0].rpartition("Error) ")[2]
        return f"the gradebook cannot be used: {said}. Put that right, then run the command again."
    return None
