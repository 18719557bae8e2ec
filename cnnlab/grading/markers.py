"""Reads an assignment's source strictly, before nbgrader does.

nbgrader accepts an END SOLUTION without its BEGIN and then hands the solution to the students; a mistyped
marker or a graded cell that is not locked passes as well. Here each is one sentence that names the file and
the cell.
"""

import math
import re
from collections import Counter
from typing import Any

from cnnlab.cells import EXPERIMENT
from cnnlab.errors import InputError

REGIONS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
_LOOKS_LIKE_MARKER = re.compile(r"(begin|end)[\s_-]*(solution|hidden[\s_-]*test|mark[\s_-]*scheme)", re.I)


def check_source(notebook: Any, file: str) -> None:
    """Raise an `InputError` for the first fault in an assignment's source notebook.

    Args:
        notebook: the notebook as nbformat or jupytext reads it.
        file: what to call it in the message.
    """
    for number, cell in enumerate(notebook.cells, start=1):
        problem = _marker_problem(cell) or _metadata_problem(cell)
        if problem:
            raise InputError(f"{file}, {cell_name(cell, number)}: {problem}.")
    ids = [grade_id for cell in notebook.cells if (grade_id := nbgrader(cell).get("grade_id"))]
    repeated = [grade_id for grade_id, count in Counter(ids).items() if count > 1]
    if repeated:
        raise InputError(f"{file}: the grade_id {repeated[0]!r} is used by more than one cell.")
    if not any(nbgrader(cell).get("grade") for cell in notebook.cells):
        raise InputError(f"{file}: there is no graded cell in it; is it an assignment?")


def nbgrader(cell: Any) -> dict[str, Any]:
    """A cell's nbgrader metadata; empty when it has none, or something that is not metadata."""
    metadata = cell.get("metadata", {}).get("nbgrader", {})
    return metadata if isinstance(metadata, dict) else {}


def cell_name(cell: Any, number: int) -> str:
    """What a person can find a cell by: its grade_id, else its number and first line."""
    grade_id = nbgrader(cell).get("grade_id")
    first_line = cell.source.strip().split("\n")[0][:40]
    return f"cell {grade_id!r}" if grade_id else f"cell {number} ({first_line!r})"


def solution_lines(notebook: Any) -> list[str]:
    """Every line inside the regions that students must not see, stripped, without the empty ones."""
    lines = []
    for cell in notebook.cells:
        inside = False
        for line in cell.source.split("\n"):
            marker = _marker(line)
            if marker:
                inside = marker[0] == "BEGIN"
            elif inside and line.strip():
                lines.append(line.strip())
    return lines


def _marker(line: str) -> tuple[str, str] | None:
    """("BEGIN" or "END", region) when nbgrader would take the line for a marker."""
    for region in REGIONS:
        for edge in ("BEGIN", "END"):
            if f"{edge} {region}" in line:
                return edge, region
    return None


def _marker_problem(cell: Any) -> str | None:
    """What is wrong with the cell's BEGIN and END lines."""
    opened: str | None = None
    for line in cell.source.split("\n"):
        marker = _marker(line)
        if marker is None:
            if _LOOKS_LIKE_MARKER.search(line):
                return f"{line.strip()!r} is almost a marker; write ### BEGIN SOLUTION or ### END SOLUTION"
            continue
        edge, region = marker
        if region == "SOLUTION" and not nbgrader(cell).get("solution"):
            return f"{edge} SOLUTION stands in a cell that is not a solution cell"
        if edge == "BEGIN" and opened:
            return f"BEGIN {region} stands inside BEGIN {opened}; close that one first"
        if edge == "END" and opened != region:
            return f"END {region} has no BEGIN {region} before it; what stands above would reach the students"
        opened = region if edge == "BEGIN" else None
    return f"BEGIN {opened} has no END {opened} after it" if opened else None


def _metadata_problem(cell: Any) -> str | None:
    """What is wrong with the cell's nbgrader metadata."""
    metadata = nbgrader(cell)
    if not metadata:
        return None
    grade, solution = metadata.get("grade"), metadata.get("solution")
    if not metadata.get("grade_id"):
        return "it has nbgrader metadata but no grade_id"
    if EXPERIMENT in cell.metadata.get("tags", []) and (grade or solution):
        return f"a graded or solution cell cannot be tagged {EXPERIMENT!r}, it would never be run"
    if solution and cell.cell_type == "code" and "BEGIN SOLUTION" not in cell.source:
        return "a solution cell needs ### BEGIN SOLUTION and ### END SOLUTION around what students write"
    if grade and not _positive(metadata.get("points")):
        return f"its points are {metadata.get('points')!r}; they must be a number above zero"
    if grade and not solution and not metadata.get("locked"):
        return "a graded check cell must be locked (locked: true), or students could change it"
    if grade and not solution and cell.cell_type != "code":
        return "a graded cell without an answer in it must be a code cell"
    return None


def _positive(points: Any) -> bool:
    """Whether nbgrader can use it as points."""
    number = isinstance(points, int | float) and not isinstance(points, bool)
    return number and math.isfinite(points) and points > 0
