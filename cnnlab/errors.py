"""What a user is told about bad input: one sentence that says what was wrong, what is allowed, what to do."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input from a person; the command line prints it without a traceback and exits with code 2."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback through our own frames."""
        return [f"{type(self).__name__}: {self}"]


def unknown(kind: str, given: object, known: Iterable[str]) -> InputError:
    """An `InputError` for a name that is not known: the nearest match first, then every known name.

    Args:
        kind: what the name is of, for example "dataset".
        given: what the user wrote.
        known: the names that would have been accepted.
    """
    names = sorted(known)
    nearest = difflib.get_close_matches(str(given), names, n=1, cutoff=0.4)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return InputError(f"unknown {kind} {given!r}.{hint} Known: {', '.join(names)}.")
