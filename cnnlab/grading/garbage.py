"""Keeps Python's search for garbage away: from where it would find none, or must not run."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Within, no garbage is searched for; afterwards it is as it was before."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def importing() -> Iterator[None]:
    """Around imports: what they make is there to stay, so it is not searched for garbage, then or later.

    A search also writes to all that it looks at, and in forks of this process each would have a copy of that.
    """
    with uncollected():
        yield
        gc.freeze()  # before searches begin again: the first would be of everything
