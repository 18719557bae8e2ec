"""The student's own commands: each fault of a machine is told; what would be handed in is what is there."""

import json
import shutil
import zipfile
from collections import namedtuple
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import typer
from rich.console import Console

from cnnlab.desk import commands, doctor, submission
from cnnlab.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[1]
RELEASED = REPOSITORY / "exercises/label_smoothing/label_smoothing.ipynb"
RIGHT = "def pytorch_epsilon(epsilon, num_classes):\n    return epsilon * num_classes / (num_classes - 1)"
WRONG = "def pytorch_epsilon(epsilon, num_classes):\n    return epsilon / num_classes"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200)


def without(monkeypatch: pytest.MonkeyPatch, missing: str, instead: str | None = None) -> None:
    """A machine where a package is missing, or has another version."""
    found = metadata.version

    def version(name: str) -> str:
        if name != missing:
            return found(name)
        if instead is None:
            raise metadata.PackageNotFoundError(name)
        return instead

    monkeypatch.setattr(metadata, "version", version)


def test_an_old_python() -> None:
    found = doctor.python_version((3, 10, 4))
    assert found.state == "fault"
    assert "conda env create" in found.todo
    assert doctor.python_version().state == "ready"


def test_a_missing_and_an_old_package(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(doctor.packages()) == []
    without(monkeypatch, "mlxtend")
    (fault,) = doctor.packages()
    assert (fault.state, fault.found, fault.todo) == ("fault", "not installed", 'pip install "mlxtend>=0.23"')
    monkeypatch.undo()
    without(monkeypatch, "numpy", "1.26.4")
    (fault,) = doctor.packages()
    assert fault.found == "1.26.4; the course needs >=2.0"


def test_other_versions_than_the_tested_ones_are_a_note(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert list(doctor.tested_versions()) == []
    shutil.copy(REPOSITORY / "constraints.txt", tmp_path)
    without(monkeypatch, "pandas", "99.0")
    (note,) = doctor.tested_versions()
    assert note.state == "note"
    assert "pandas 99.0 (tested: " in note.found


def test_a_broken_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.pytorch().state == "ready"

    def broken(*_: Any, **__: Any) -> Any:
        raise ImportError("libtorch_cpu.so: cannot open shared object file\nmore")

    monkeypatch.setattr(torch, "ones", broken)
    found = doctor.pytorch()
    assert found.state == "fault"
    assert found.found.endswith("cannot open shared object file")


@pytest.mark.parametrize(("free", "state"), [(4e8, "fault"), (2e9, "note"), (9e10, "ready")])
def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: float, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))
    assert doctor.disk(tmp_path).state == state


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    assert doctor.writing(tmp_path).state == "ready"
    assert list(tmp_path.iterdir()) == []
    found = doctor.writing(tmp_path / "gone")
    assert found.state == "fault"
    assert "mkdir" in found.todo


def test_no_jupyterlab(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.jupyter().state == "ready"
    without(monkeypatch, "jupyterlab")
    assert doctor.jupyter().todo == 'pip install "jupyterlab>=4.2"'


def test_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    here = doctor.kernel()
    assert here.state == "ready", here
    absent = doctor.kernel("no_such_kernel")
    assert absent.state == "fault"
    assert "ipykernel install" in absent.todo
    monkeypatch.setattr(doctor, "ASKED", "import no_such_course")
    assert "cannot import the course" in doctor.kernel().found


def test_the_table_and_the_verdict(console: Console) -> None:
    good, note = doctor.Finding("disk", "ready", "9 GB"), doctor.Finding("x", "note", "old")
    assert commands.show([good, note], console)
    assert "Ready." in console.export_text()
    fault = doctor.Finding("numpy", "fault", "not installed", 'pip install "numpy>=2"')
    assert not commands.show([good, fault], console)
    text = console.export_text()
    assert 'pip install "numpy>=2"' in text
    assert "Not ready: 1 of 2" in text


@pytest.fixture
def mine(tmp_path: Path) -> Callable[..., Path]:
    """The released notebook with changes: `mine(pytorch_epsilon=RIGHT, written="…", check_loss=None)`."""

    def write(name: str = "label_smoothing (1)", output: bool = False, **changes: str | None) -> Path:
        notebook = json.loads(RELEASED.read_text())
        kept = []
        for cell in notebook["cells"]:
            text = changes.get(cell["metadata"].get("nbgrader", {}).get("grade_id", ""), "as it was")
            if text is None:
                continue
            if text != "as it was":
                cell["source"] = text
            if output and "experiment" in cell["metadata"].get("tags", []):
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "0.9"}]
            kept.append(cell)
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps(notebook | {"cells": kept}))
        return path

    return write


def test_each_check_says_how_it_stands(mine: Callable[..., Path]) -> None:
    given = submission.read(mine(pytorch_epsilon=RIGHT, smooth_labels="1 / 0", check_loss=None))
    found = {one.part: one for one in submission.run_checks(given)}
    assert found["pytorch_epsilon"] == submission.Checked("pytorch_epsilon", "passed", 2, 2)
    assert (found["gradient"].state, found["gradient"].why) == (
        "open",
        "label_smoothing_grad is not implemented yet.",
    )
    assert found["targets"].state == "failed"
    assert "NameError" in found["targets"].why
    assert found["loss"].state == "no cell"
    assert sum(one.points for one in found.values()) == 2


def test_the_run_counts_and_not_the_recorded_output(mine: Callable[..., Path]) -> None:
    path = mine(pytorch_epsilon=WRONG)
    path.write_text(path.read_text().replace('"outputs": []', '"outputs": [{"output_type": "passed"}]'))
    found = {one.part: one for one in submission.run_checks(submission.read(path))}
    assert found["pytorch_epsilon"].state == "failed"
    assert found["pytorch_epsilon"].why == "epsilon has wrong values. Likely: ε was divided by K."


def test_a_cell_without_an_end_is_told(mine: Callable[..., Path]) -> None:
    """What stands before it is judged, what comes after cannot be reached."""
    given = submission.read(mine(pytorch_epsilon="while True: pass"))
    *before, after = submission.run_checks(given, seconds=20)
    assert {one.state for one in before} == {"open"}
    assert after.state == "failed"
    assert "not reached: an earlier cell did not finish in time" in after.why


def test_what_a_person_would_miss(mine: Callable[..., Path]) -> None:
    sentences = submission.missing(submission.read(mine()))
    assert [sentence.split()[1] for sentence in sentences] == ["written", "experiment"]
    assert submission.missing(submission.read(mine(written="Because.", output=True))) == []


def test_a_notebook_without_the_marks_of_its_cells_is_told(mine: Callable[..., Path]) -> None:
    """Grading would not know it."""
    path = mine(written="Because.", output=True)
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    path.write_text(json.dumps(notebook))
    assert submission.missing(submission.read(path)) == []  # by the cells' ids it would
    for cell in notebook["cells"]:
        del cell["id"]
    path.write_text(json.dumps(notebook))
    (sentence,) = submission.missing(submission.read(path))
    assert "the marks" in sentence.casefold()


def test_the_archive_is_the_saved_notebook_under_its_proper_name(mine: Callable[..., Path]) -> None:
    path = mine()
    archive = submission.write(submission.read(path))
    assert archive == path.parent / "label_smoothing-submission.zip"
    with zipfile.ZipFile(archive) as content:
        assert content.namelist() == ["label_smoothing.ipynb"]
        assert content.read("label_smoothing.ipynb") == path.read_bytes()
    assert {file.name for file in path.parent.iterdir()} == {path.name, archive.name}


def test_what_is_no_assignment_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no notebook"):
        submission.read(tmp_path / "absent.ipynb")
    path = tmp_path / "cut.ipynb"
    path.write_text("{")
    with pytest.raises(InputError, match="is not a notebook that can be read"):
        submission.read(path)
    path.write_text('{"cells": []}')
    with pytest.raises(InputError, match="no assignment of this course"):
        submission.read(path)


def test_the_command_says_all_of_it(
    mine: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    part = SimpleNamespace(part="loss", state="open", points=0, max_points=3, why="not yet")
    monkeypatch.setattr(submission, "run_checks", lambda *_: [part])
    with pytest.raises(typer.Exit) as ended:
        commands.submission(mine(), None, 60)
    assert ended.value.exit_code == 1
    said = capsys.readouterr().out
    assert "Missing: The written question" in said
    assert "0 of 3 points now" in said
    part.points, part.state = 3, "passed"
    commands.submission(mine(written="Because.", output=True), None, 60)
    assert "Hand in: " in capsys.readouterr().out


@pytest.mark.parametrize("place", ["nowhere/work.zip", "file/work.zip", "folder"])
def test_where_no_archive_can_lie_is_said_in_a_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    path = tmp_path / "inverted_dropout.ipynb"
    path.write_text("{}")
    with pytest.raises(InputError, match=r"cannot be written: .*\. Name another file with --to"):
        submission.write(submission.Notebook(path, "inverted_dropout", []), tmp_path / place)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "folder", path.name]
