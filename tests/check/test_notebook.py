"""What a student sees in a real kernel: a table, one line below it, and no frames of ours."""

import nbformat
import pytest
from nbclient import NotebookClient

CELLS = """
from cnnlab.check import check
def pytorch_epsilon(epsilon, num_classes):
    return epsilon / num_classes
# ---
check("label_smoothing.pytorch_epsilon", pytorch_epsilon)
# ---
check("label_smoothing.pytorch_epsilonn", pytorch_epsilon)
# ---
def pytorch_epsilon(epsilon, num_classes):
    raise NotImplementedError()
check("label_smoothing.pytorch_epsilon", pytorch_epsilon)
# ---
check("label_smoothing.pytorch_epsilon", lambda e, K: e * K / (K - 1))
"""


@pytest.fixture(scope="module")
def cells() -> list[nbformat.NotebookNode]:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in CELLS.split("# ---")]
    NotebookClient(notebook, allow_errors=True, kernel_name="python3").execute()
    return notebook.cells


def outputs(cell: nbformat.NotebookNode, kind: str) -> list[nbformat.NotebookNode]:
    return [output for output in cell.outputs if output.output_type == kind]


def test_a_failed_check_is_a_table_and_one_line(cells: list[nbformat.NotebookNode]) -> None:
    (table,) = outputs(cells[1], "display_data")
    (error,) = outputs(cells[1], "error")
    assert "<table" in table.data["text/html"]
    assert "ε was divided by K" in table.data["text/html"]
    assert table.data["text/plain"].startswith("FAILED  label_smoothing.pytorch_epsilon  0 of 2 points\n")
    assert error.traceback == ["CheckFailed: FAILED  label_smoothing.pytorch_epsilon  0 of 2 points"]


def test_progress_over_the_assignment_is_told(cells: list[nbformat.NotebookNode]) -> None:
    """The last result of each check counts: failed, then not implemented, then passed."""
    for number, passed, points, last in ((1, 0, 0, "failed"), (3, 0, 0, "failed"), (4, 1, 2, "passed")):
        (table,) = outputs(cells[number], "display_data")
        line = f"label_smoothing so far: {passed} of 4 checks passed, {points} of 10 points ("
        for text in table.data["text/html"], table.data["text/plain"]:
            assert line in text
            assert f"pytorch_epsilon {last}" in text
            assert "loss not run" in text


def test_a_wrong_name_is_one_line(cells: list[nbformat.NotebookNode]) -> None:
    (error,) = outputs(cells[2], "error")
    assert len(error.traceback) == 1
    assert "Did you mean 'pytorch_epsilon'?" in error.traceback[0]


def test_a_stub_is_named_as_such(cells: list[nbformat.NotebookNode]) -> None:
    (table,) = outputs(cells[3], "display_data")
    assert "pytorch_epsilon is not implemented yet." in table.data["text/html"]


def test_a_passed_check_shows_its_table_and_nothing_that_could_be_a_score(
    cells: list[nbformat.NotebookNode],
) -> None:
    (table,) = cells[4].outputs
    assert table.output_type == "display_data"
    assert "passed" in table.data["text/html"]
