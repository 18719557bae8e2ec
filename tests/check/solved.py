"""The assignments' solutions, as functions and as source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext

ROOT = Path(__file__).parents[2]
Functions = dict[str, Callable[..., Any]]


def solution_source(assignment: str) -> str:
    """The solution cells of an assignment, as one module."""
    notebook = jupytext.read(ROOT / "solutions" / f"{assignment}.md")
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    solved = [c.source for c in cells if c.metadata.get("nbgrader", {}).get("solution")]
    return "\n\n".join(["import torch", *solved])


def functions_of(source: str, name: str) -> Functions:
    """What a module defines."""
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(source, name, "exec"), namespace)
    return namespace
