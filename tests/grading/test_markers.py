"""Faulty sources: one sentence that names the file and the cell."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cnnlab.errors import InputError
from cnnlab.grading.markers import check_source, solution_lines
from cnnlab.grading.release import source_notebook

SOURCE = Path(__file__).parent / "tiny/solutions/tiny.md"


@pytest.fixture(scope="module")
def source() -> Any:
    return source_notebook(SOURCE)


def cell(notebook: Any, grade_id: str) -> Any:
    return next(c for c in notebook.cells if c.id == grade_id)


FAULTY_TEXTS = {
    "end without begin": (
        "    return x * x\n    ### END SOLUTION",
        "END SOLUTION has no BEGIN SOLUTION before it",
    ),
    "begin without end": (
        "    ### BEGIN SOLUTION\n    return 1",
        "BEGIN SOLUTION has no END SOLUTION after it",
    ),
    "nested": ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "stands inside BEGIN SOLUTION"),
    "crossed": ("### BEGIN SOLUTION\n### END HIDDEN TESTS", "END HIDDEN TESTS has no BEGIN HIDDEN TESTS"),
    "two ends": ("### BEGIN SOLUTION\n### END SOLUTION\nx\n### END SOLUTION", "END SOLUTION has no BEGIN"),
    "lower case": ("### begin solution\nx\n### END SOLUTION", "is almost a marker"),
    "underscore": ("### BEGIN_SOLUTION\nx\n### END SOLUTION", "is almost a marker"),
    "no markers": ("def square(x):\n    return x * x", "needs ### BEGIN SOLUTION"),
}


@pytest.mark.parametrize("name", FAULTY_TEXTS)
def test_a_faulty_solution_cell_is_named(source: Any, name: str) -> None:
    notebook = deepcopy(source)
    text, message = FAULTY_TEXTS[name]
    cell(notebook, "square").source = text
    with pytest.raises(InputError, match=message) as caught:
        check_source(notebook, "tiny.md")
    assert "tiny.md, cell 'square'" in str(caught.value)
    assert "\n" not in str(caught.value)


FAULTY_METADATA = {
    "points missing": ("check_square", {"points": None}, "must be a number above zero"),
    "points zero": ("check_square", {"points": 0}, "must be a number above zero"),
    "points true": ("check_square", {"points": True}, "must be a number above zero"),
    "points not a number": ("written", {"points": float("nan")}, "must be a number above zero"),
    "not locked": ("check_square", {"locked": False}, "must be locked"),
    "no grade_id": ("check_square", {"grade_id": ""}, "no grade_id"),
    "repeated grade_id": ("check_square", {"grade_id": "check_double"}, "used by more than one cell"),
    "not a solution cell": ("square", {"solution": False}, "not a solution cell"),
}


@pytest.mark.parametrize("name", FAULTY_METADATA)
def test_faulty_metadata_is_named(source: Any, name: str) -> None:
    notebook = deepcopy(source)
    grade_id, change, message = FAULTY_METADATA[name]
    cell(notebook, grade_id).metadata["nbgrader"].update(change)
    with pytest.raises(InputError, match=message) as caught:
        check_source(notebook, "tiny.md")
    assert str(caught.value).startswith("tiny.md")


def test_a_graded_cell_cannot_be_an_experiment(source: Any) -> None:
    notebook = deepcopy(source)
    cell(notebook, "check_square").metadata["tags"] = ["experiment"]
    with pytest.raises(InputError, match="would never be run"):
        check_source(notebook, "tiny.md")


def test_a_marker_in_prose_is_named_by_number_and_first_line(source: Any) -> None:
    notebook = deepcopy(source)
    notebook.cells[0].source = "# Tiny\n### BEGIN SOLUTION\nsecret\n### END SOLUTION"
    with pytest.raises(
        InputError, match=r"tiny\.md, cell 1 \('# Tiny'\): BEGIN SOLUTION stands in a cell that"
    ):
        check_source(notebook, "tiny.md")


def test_a_notebook_without_graded_cells_is_no_assignment(source: Any) -> None:
    notebook = deepcopy(source)
    notebook.cells = notebook.cells[:1]
    with pytest.raises(InputError, match="no graded cell"):
        check_source(notebook, "tiny.md")


def test_solution_lines_are_what_students_must_not_see(source: Any) -> None:
    assert solution_lines(source) == [
        "return x * x  # the model's square",
        "return x + x  # the model's double",
        "The model answer of the tiny assignment.",
    ]
