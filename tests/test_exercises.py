"""`exercises/` is what `solutions/` generates, byte for byte, and no solution is in it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cnnlab.errors import InputError
from cnnlab.grading.markers import REGIONS, solution_lines
from cnnlab.grading.release import assignment_names, release, source_notebook

REPOSITORY = Path(__file__).resolve().parents[1]
SOLUTIONS, EXERCISES = REPOSITORY / "solutions", REPOSITORY / "exercises"
NAMES = assignment_names(SOLUTIONS)
# Shorter lines say nothing: "else:", "y = x", "return y".
TELLING = 12


def files(folder: Path) -> dict[Path, bytes]:
    """Every file below the folder; what editors and Jupyter leave behind is not ours to judge."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts)
    return {path.relative_to(folder): path.read_bytes() for path in found}


def differences(generated: Path, committed: Path) -> list[str]:
    """What is not the same in two folders, in sentences; both ways."""
    wanted, found = files(generated), files(committed)
    return [
        *(f"{path} is missing; run make exercises" for path in sorted(wanted.keys() - found.keys())),
        *(
            f"{path} is not generated from anything in solutions/"
            for path in sorted(found.keys() - wanted.keys())
        ),
        *(
            f"{path} is not what solutions/ generates; run make exercises"
            for path in sorted(wanted.keys() & found.keys())
            if wanted[path] != found[path]
        ),
    ]


def leaks(source: Any, released: Any) -> Iterator[str]:
    """Every telling line of the solutions that stands in a released notebook, and every marker."""
    lines = [line.strip() for cell in released.cells for line in cell.source.split("\n")]
    secret = {line for line in solution_lines(source) if len(line) >= TELLING}
    for line in lines:
        if line in secret:
            yield f"solution line: {line}"
        if any(region in line for region in REGIONS):
            yield f"marker: {line}"
    for cell in released.cells:
        if cell.get("outputs"):
            yield f"output of cell {cell.id}"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All exercises, generated afresh."""
    folder = tmp_path_factory.mktemp("generated")
    release(solutions=SOLUTIONS, course=folder / "course", to=folder / "exercises")
    return folder / "exercises"


def test_the_six_assignments_are_there() -> None:
    assert NAMES == [
        "batch_norm",
        "inverted_dropout",
        "label_smoothing",
        "local_response_norm",
        "preprocessing",
        "tuning",
    ]


def test_exercises_are_what_solutions_generate(generated: Path) -> None:
    assert differences(generated, EXERCISES) == []


def test_a_difference_is_named_whichever_way_it_goes(generated: Path, tmp_path: Path) -> None:
    stale = shutil.copytree(generated, tmp_path / "stale")
    (stale / "batch_norm/batch_norm.ipynb").unlink()
    with (stale / "label_smoothing/label_smoothing.ipynb").open("a") as file:
        file.write("\n")
    (stale / "batch_norm/notes.txt").write_text("mine")
    assert differences(generated, stale) == [
        "batch_norm/batch_norm.ipynb is missing; run make exercises",
        "batch_norm/notes.txt is not generated from anything in solutions/",
        "label_smoothing/label_smoothing.ipynb is not what solutions/ generates; run make exercises",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_no_solution_reaches_the_students(generated: Path, name: str) -> None:
    source = source_notebook(SOLUTIONS / f"{name}.md")
    assert len([line for line in solution_lines(source) if len(line) >= TELLING]) > 10
    released = nbformat.read(generated / name / f"{name}.ipynb", as_version=4)
    assert list(leaks(source, released)) == []
    # Nor anywhere else in the file: in metadata, attachments, outputs.
    text = json.dumps(json.loads((generated / name / f"{name}.ipynb").read_text()), ensure_ascii=False)
    assert "Model answer" not in text
    assert "BEGIN SOLUTION" not in text


@pytest.mark.parametrize("name", NAMES)
def test_each_graded_part_is_a_locked_check_and_each_answer_a_stub(generated: Path, name: str) -> None:
    notebook = nbformat.read(generated / name / f"{name}.ipynb", as_version=4)
    points = 0
    for cell in notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        points += metadata.get("points", 0)
        if metadata.get("grade") and cell.cell_type == "code":
            part = metadata["grade_id"].removeprefix("check_")
            assert cell.source.startswith(f'check("{name}.{part}", ')
            assert "\n" not in cell.source.strip()
        elif metadata.get("solution") and cell.cell_type == "code":
            assert f"def {metadata['grade_id']}(" in cell.source
            assert cell.source.rstrip().endswith("raise NotImplementedError()")
    assert points == 12


def _planted(name: str, plant: str) -> Any:
    """A released notebook with something in it that must not be there."""
    released = nbformat.read(EXERCISES / name / f"{name}.ipynb", as_version=4)
    source = source_notebook(SOLUTIONS / f"{name}.md")
    secret = max(solution_lines(source), key=len)
    if plant == "output":
        cell = next(cell for cell in released.cells if cell.cell_type == "code")
        cell.outputs = [nbformat.v4.new_output("stream", text="done")]
    else:
        released.cells[3].source += "\n    " + {"line": secret, "marker": "### END SOLUTION"}[plant]
    return released


@pytest.mark.parametrize("plant", ["line", "marker", "output"])
def test_a_planted_leak_is_found(plant: str) -> None:
    source = source_notebook(SOLUTIONS / "batch_norm.md")
    assert len(list(leaks(source, _planted("batch_norm", plant)))) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("marker", ["### BEGIN SOLUTION", "### END SOLUTION"])
def test_a_source_that_lost_a_marker_is_not_released(tmp_path: Path, name: str, marker: str) -> None:
    """nbgrader itself accepts an END without its BEGIN and hands the solution out."""
    text = (SOLUTIONS / f"{name}.md").read_text()
    (tmp_path / f"{name}.md").write_text(text.replace(f"{marker}\n", "", 1))
    with pytest.raises(InputError, match=rf"{name}\.md, cell .*(has no|needs)"):
        release(solutions=tmp_path, course=tmp_path / "course", to=tmp_path / "to")
    assert not (tmp_path / "to").exists()
    assert not (tmp_path / "course").exists()
