"""Puts the bundled sample class into a course, as if its students had handed in."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnlab.errors import InputError, unknown

BUILDER = Path("tests/sample_class/build.py")


def submit_sample_class(
    names: Sequence[str] = (), *, repository: Path = Path(), course: Path = Path("course")
) -> dict[str, list[str]]:
    """Write the sample submissions of the named assignments, or of all, into `course/submitted`.

    Args:
        names: assignments.
        repository: the checkout of this course, which holds the sample class and the released exercises.
        course: the course folder.

    Returns:
        The sample students of each assignment.
    """
    build = _builder(repository / BUILDER)
    known = sorted(build.ASSIGNMENTS)
    for name in names:
        if name not in known:
            raise unknown("assignment", name, known)
    written = {}
    for name in list(names) or known:
        released = repository / "exercises" / name / f"{name}.ipynb"
        if not released.is_file():
            raise InputError(f"{released} is missing; run `cnnlab release {name}` first.")
        written[name] = build.build(name, released, course / "submitted")
    return written


def _builder(path: Path) -> Any:
    """The module that builds it; it lives with the tests, which are not installed."""
    if not path.is_file():
        raise InputError(
            f"the sample class is in {path}, which is not here; run this from the repository's root."
        )
    spec = importlib.util.spec_from_file_location("cnnlab_sample_class", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be read as a Python module.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
