"""Pausing the search for garbage leaves it as it was, on or off; what imports made is never searched."""

import gc

import pytest

from cnnlab.grading.garbage import importing, uncollected


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


def test_what_imports_made_is_not_searched() -> None:
    try:
        with importing():
            made = [[number] for number in range(10_000)]
        searched = {id(one) for one in gc.get_objects()}
        assert not any(id(one) in searched for one in made)
    finally:
        gc.unfreeze()
