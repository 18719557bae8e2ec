"""What students do to the frame of a notebook is undone; what they wrote is kept."""

from copy import deepcopy
from typing import Any

import nbformat

from cnnlab.grading.markers import nbgrader
from cnnlab.grading.restore import restore


def ids(notebook: Any) -> list[str]:
    """The code cells and answers, in order."""
    return [cell.id for cell in notebook.cells if cell.cell_type == "code" or nbgrader(cell)]


def take(notebook: Any, cell_id: str) -> Any:
    """Remove and return a cell."""
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    notebook.cells.remove(cell)
    return cell


FRAME = ["setup", "square", "check_square", "double", "check_double"]


def test_an_honest_notebook_stays_as_it_is(answered: Any, tiny: Any) -> None:
    restored, notes = restore(answered(), tiny)
    assert [cell.source for cell in restored.cells] == [cell.source for cell in answered().cells]
    assert [nbgrader(cell) for cell in restored.cells] == [nbgrader(cell) for cell in tiny.cells]
    assert not notes


def test_deleted_cells_come_back_where_they_were(answered: Any, tiny: Any) -> None:
    notebook = answered()
    for cell_id in ("setup", "check_square", "check_double"):
        take(notebook, cell_id)
    restored, notes = restore(notebook, tiny)
    assert ids(restored)[:5] == FRAME
    assert "the cell check_square was missing and has been put back" in notes


def test_an_answer_cell_that_is_gone_is_noted(answered: Any, tiny: Any) -> None:
    notebook = answered()
    take(notebook, "square")
    restored, notes = restore(notebook, tiny)
    assert notes == ["the cell of the answer square was missing"]
    assert "square" not in ids(restored)


def test_a_check_is_put_back_when_its_neighbours_are_gone_too(answered: Any, tiny: Any) -> None:
    """Stock nbgrader raises KeyError here: it looks for the cell before the missing one."""
    notebook = answered()
    for cell_id in ("square", "check_square", "double", "check_double"):
        take(notebook, cell_id)
    notebook.cells.append(nbformat.v4.new_code_cell("def square(x):\n    return x * x", id="mine"))
    restored, _ = restore(notebook, tiny)
    cells = [cell.id for cell in restored.cells]
    assert cells.index("check_square") > cells.index(f"student-{len(notebook.cells) - 1}")


def test_an_edited_retyped_check_is_the_released_one(answered: Any, tiny: Any) -> None:
    notebook = answered()
    check = take(notebook, "check_square")
    metadata = {
        "nbgrader": {**check.metadata["nbgrader"], "points": 99, "grade": False},
        "tags": ["experiment"],
    }
    notebook.cells.insert(3, nbformat.v4.new_markdown_cell("pass", id="check_square", metadata=metadata))
    restored, _ = restore(notebook, tiny)
    assert next(cell for cell in restored.cells if cell.id == "check_square") == next(
        cell for cell in tiny.cells if cell.id == "check_square"
    )


def test_a_retyped_answer_is_code_again(answered: Any, tiny: Any) -> None:
    notebook = answered()
    answer = take(notebook, "double")
    notebook.cells.append(nbformat.v4.new_raw_cell(answer.source, id="double", metadata=answer.metadata))
    restored, _ = restore(notebook, tiny)
    cells = [cell.id for cell in restored.cells]
    assert next(cell for cell in restored.cells if cell.id == "double").cell_type == "code"
    assert cells.index("check_double") > cells.index("double")


def test_of_two_versions_the_last_written_one_counts(answered: Any, tiny: Any) -> None:
    notebook = answered(square="def square(x):\n    return 0")
    again, stub = deepcopy(take(answered(), "square")), deepcopy(take(deepcopy(tiny), "square"))
    again.id, stub.id = "again", "stub"
    notebook.cells[4:4] = [again, stub]
    restored, notes = restore(notebook, tiny)
    answers = [cell for cell in restored.cells if nbgrader(cell).get("grade_id") == "square"]
    assert [cell.source for cell in answers] == [again.source]
    assert [cell.source for cell in restored.cells if cell.id == "student-2"] == [
        "def square(x):\n    return 0"
    ]
    assert "the answer square was there 3 times, the last counts" in notes


def test_an_answer_without_metadata_is_found_by_its_id(answered: Any, tiny: Any) -> None:
    notebook = answered()
    for cell in notebook.cells:
        cell.metadata = {}
    restored, notes = restore(notebook, tiny)
    assert ids(restored)[:5] == FRAME
    assert not notes


def test_cells_of_the_students_own_stay_where_they_are_without_metadata(answered: Any, tiny: Any) -> None:
    notebook = answered()
    metadata = {"tags": ["skip-execution"], "nbgrader": {"grade": True, "grade_id": "gift", "points": 50}}
    notebook.cells.insert(2, nbformat.v4.new_code_cell("helper = 1", metadata=metadata))
    restored, _ = restore(notebook, tiny)
    assert restored.cells[2].source == "helper = 1"
    assert restored.cells[2].metadata == {}


def test_a_missing_written_answer_waits_for_a_person(answered: Any, tiny: Any) -> None:
    notebook = answered()
    take(notebook, "written")
    restored, _ = restore(notebook, tiny)
    assert "was missing from the submission" in next(c for c in restored.cells if c.id == "written").source


def experiments(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if "experiment" in cell.metadata.get("tags", [])]


def test_an_experiment_is_one_whatever_its_tags_say(answered: Any, tiny: Any) -> None:
    notebook = answered()
    experiment = experiments(notebook)[0]
    experiment.metadata, experiment.source = {}, "print('my own version')"
    experiment.outputs = [nbformat.v4.new_output("stream", text="kept")]
    restored, _ = restore(notebook, tiny)
    assert [cell.source for cell in experiments(restored)] == ["print('my own version')"]
    assert experiments(restored)[0].outputs[0].text == "kept"


def test_a_copied_tag_skips_nothing(answered: Any, tiny: Any) -> None:
    notebook = answered()
    copy = nbformat.v4.new_code_cell("print(1)", metadata={"tags": ["experiment"]})
    copy.outputs = [nbformat.v4.new_output("stream", text="old")]
    notebook.cells.insert(1, copy)
    restored, _ = restore(notebook, tiny)
    assert [cell.source for cell in experiments(restored)] == [experiments(tiny)[0].source]
    assert restored.cells[1].outputs == []


def test_copies_of_experiments_are_left_out_and_told_once(answered: Any, tiny: Any) -> None:
    notebook = answered()
    for number in range(3):
        copy = deepcopy(experiments(tiny)[0])
        copy.id = f"copy-{number}"
        notebook.cells.append(copy)
    restored, notes = restore(notebook, tiny)
    assert len(experiments(restored)) == len(experiments(tiny))
    assert notes == ["3 copies of released experiments are left out"]


def test_an_edited_experiment_in_an_old_format_is_found_by_its_tag(answered: Any, tiny: Any) -> None:
    notebook = answered()
    for cell in notebook.cells:
        del cell["id"]  # nbformat 4.4 and older
    experiments(notebook)[0].source = "print('my own version')"
    restored, _ = restore(notebook, tiny)
    assert [cell.source for cell in experiments(restored)] == ["print('my own version')"]
