"""Pausing the search for garbage leaves it as it was, on or off, also after an error."""

import gc

import pytest

from cnnlab.grading.garbage import uncollected


def fail(seen: list[bool]) -> None:
    with uncollected():
        seen.append(gc.isenabled())
        raise KeyError


@pytest.mark.parametrize("before", [True, False])
def test_it_is_off_within_and_afterwards_as_before(before: bool) -> None:
    was, seen = gc.isenabled(), list[bool]()
    try:
        gc.enable() if before else gc.disable()
        with pytest.raises(KeyError):
            fail(seen)
        assert (seen, gc.isenabled()) == ([False], before)
    finally:
        gc.enable() if was else gc.disable()
