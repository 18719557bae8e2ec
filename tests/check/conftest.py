"""The assignments' solutions, for the tests of the checks."""

from collections.abc import Callable

import pytest
from solved import Functions, functions_of, solution_source


@pytest.fixture(scope="session")
def solution() -> Callable[[str], Functions]:
    return lambda assignment: functions_of(solution_source(assignment), f"solution of {assignment}")
