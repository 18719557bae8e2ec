"""What of a submission's files reaches its kernel, and what of its text can be written down again."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cnnlab.check.wire import whole
from cnnlab.errors import InputError
from cnnlab.grading.archives import path_fault
from cnnlab.grading.classroom import Outcome
from cnnlab.grading.collect import Collected
from cnnlab.grading.commands import _collected
from cnnlab.grading.markers import nbgrader
from cnnlab.grading.report import line
from cnnlab.grading.submission import (
    check_submission,
    find_notebook,
    handed_in,
    other_files,
    prepare,
    read_notebook,
)

EXERCISES = Path(__file__).resolve().parents[2] / "exercises"


def test_code_that_is_no_text_stays_behind(tmp_path: Path) -> None:
    """Nobody could read in it what an answer is made of."""
    for name in ("work.ipynb", "helper.py", "data.csv", "helper.pyc", "__pycache__/helper.cpython-311.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    shutil.make_archive(str(tmp_path / "code"), "zip", tmp_path, "helper.py")
    assert sorted(other_files(tmp_path, "work.ipynb")) == ["data.csv", "helper.py"]


def test_what_stays_behind_is_noted(tmp_path: Path, answered: Any) -> None:
    folder, released = tmp_path / "tiny", tmp_path / "release" / "tiny.ipynb"
    for path in (folder / "tiny.ipynb", released):
        path.parent.mkdir()
        nbformat.write(answered(), path)
    for name in ("all.zip", "helper.pyc", "data.csv"):
        (folder / name).write_text("x")
    notes = prepare(folder, released, tmp_path / "prepared")
    assert "left out, since nobody can read it as text: all.zip, helper.pyc" in notes
    assert "other files were handed in: data.csv" in notes


def test_half_a_character_becomes_a_question_mark(tmp_path: Path, tiny: Any) -> None:
    notebook = json.loads(nbformat.writes(tiny))
    notebook["cells"][-1]["source"] = "# \ud83d, \U0001f600 and é"
    path = tmp_path / "tiny.ipynb"
    path.write_text(json.dumps(notebook))
    assert "\\ud83d," in path.read_text()
    read = read_notebook(path).cells[-1].source
    assert read == "# ?, \U0001f600 and é"
    path.write_text(nbformat.writes(read_notebook(path)), encoding="utf-8")


@pytest.mark.filterwarnings("error")
def test_ids_that_are_missing_or_there_twice_are_put_right_without_a_word(tmp_path: Path, tiny: Any) -> None:
    path = tmp_path / "tiny.ipynb"
    for ids in ({}, {"id": "same"}):
        notebook = json.loads(nbformat.writes(tiny))
        notebook["cells"] = [{k: v for k, v in cell.items() if k != "id"} | ids for cell in notebook["cells"]]
        path.write_text(json.dumps(notebook))
        read = read_notebook(path)
        assert len({cell.id for cell in read.cells}) == len(tiny.cells)


def test_a_text_is_whole() -> None:
    assert whole("caf\udce9 \U0001f600") == "caf? \U0001f600"


def test_another_assignments_notebook_is_named(tmp_path: Path) -> None:
    """Two assignments may share most of their cells' names; of these two 5 of 8."""
    for name in ("batch_norm", "inverted_dropout", "tuning"):
        shutil.copytree(EXERCISES / name, tmp_path / "release" / name)
    released = tmp_path / "release/inverted_dropout/inverted_dropout.ipynb"
    folder = tmp_path / "ada/inverted_dropout"
    folder.mkdir(parents=True)
    shutil.copy(EXERCISES / "batch_norm/batch_norm.ipynb", folder / "inverted_dropout.ipynb")
    with pytest.raises(
        InputError, match=r"inverted_dropout\.ipynb looks like batch_norm: it has most"
    ) as said:
        check_submission(folder, released)
    assert "Ask the student to send the notebook" in str(said.value)

    notebook = nbformat.read(released, as_version=4)
    nbformat.write(notebook, folder / released.name)
    check_submission(folder, released)
    foreign = nbformat.read(EXERCISES / "batch_norm/batch_norm.ipynb", as_version=4).cells
    notebook.cells += [
        nbformat.from_dict(cell | {"id": f"pasted-{number}"}) for number, cell in enumerate(foreign)
    ]
    nbformat.write(notebook, folder / released.name)
    check_submission(folder, released)
    notebook.cells = [cell for cell in notebook.cells if "dropout" not in nbgrader(cell).get("grade_id", "")]
    nbformat.write(notebook, folder / released.name)
    with pytest.raises(InputError, match="looks like batch_norm"):
        check_submission(folder, released)


def one_cell(**fields: Any) -> dict[str, Any]:
    return {"cell_type": "raw", "id": "a", "metadata": {}, "source": "", **fields}


def notebook_v4(*cells: Any) -> dict[str, Any]:
    """What a file may hold that says it is a notebook."""
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}


def faulty(notebook: dict[str, Any], fault: str) -> None:
    """Break a rule of the format as other programs and hasty edits do."""
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    match fault:
        case "kernelspec" | "language_info":
            notebook["metadata"][fault] = None
        case "output":
            good = {"output_type": "stream", "name": "stdout", "text": "42"}
            cell["outputs"] = [{"output_type": "stream"}, good, 5]
        case "count":
            cell["execution_count"] = "3"
        case "id":
            cell["id"] = "no id: \u00e9" * 30
        case "older minor":
            notebook["nbformat_minor"] = 4
        case "outputs of a text":
            notebook["cells"].append({"cell_type": "markdown", "source": "a", "metadata": {}, "outputs": []})
        case "tags":
            cell["metadata"]["tags"] = None
        case _:
            del cell[fault]


@pytest.mark.parametrize(
    "fault",
    [
        *("outputs", "execution_count", "metadata", "kernelspec", "language_info", "output", "count", "id"),
        *("older minor", "outputs of a text", "tags"),
    ],
)
def test_a_fault_beside_the_answers_is_put_right(tmp_path: Path, answered: Any, fault: str) -> None:
    right = answered()
    notebook = json.loads(nbformat.writes(right))
    faulty(notebook, fault)
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "tiny.ipynb").write_text(json.dumps(notebook))
    read = read_notebook(folder / "tiny.ipynb")
    nbformat.validate(read)
    assert [cell.source for cell in read.cells][: len(right.cells)] == [cell.source for cell in right.cells]
    changed = sum(a.id != b.id for a, b in zip(read.cells, right.cells, strict=False))
    assert changed == (fault == "id")
    assert sum(len(cell.get("outputs", [])) for cell in read.cells) == (fault == "output")
    (released := tmp_path / "release" / "tiny.ipynb").parent.mkdir()
    nbformat.write(right, released)
    assert any("was put right" in note for note in prepare(folder, released, tmp_path / "prepared"))


@pytest.mark.parametrize(
    "content",
    [
        [],
        None,
        {"cells": [None], "nbformat": 4, "nbformat_minor": 5, "metadata": []},
        {"cells": {"a": 1}, "nbformat": 4, "metadata": {}},
        {"worksheets": [{"cells": [5]}], "nbformat": 3},
        {"cells": 5, "nbformat": 4},
        notebook_v4("x"),
        notebook_v4({"cell_type": "code"}),
        notebook_v4({"cell_type": "x" * 10**5, "source": "a"}),
        notebook_v4({"cell_type": "raw", "id": "a", "metadata": {}, "source": {"\u202e" * 10**5: 1}}),
        notebook_v4({"cell_type": "raw", "id": "a", "metadata": {}, "source": 5, "\u009b" + "x" * 10**5: 1}),
    ],
)
def test_what_is_no_notebook_is_refused_in_a_few_words(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "tiny.ipynb"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="is not a Jupyter notebook") as refused:
        read_notebook(path)
    assert len(str(refused.value)) < 300
    assert not re.search("object|iterable|argument|attribute", str(refused.value))
    assert str(refused.value).isprintable()


HOSTILE_NAME = "a\x1b]0;owned\x07\x1b[2J\nall is well\u202e.txt"


def test_no_name_of_a_file_reaches_the_terminal_as_it_is() -> None:
    """Neither in a line of a class nor in one of an export; a sentence has an end."""
    graded = Outcome("tiny", "ada", "graded", notes=[f"other files: {HOSTILE_NAME}"], scores={})
    refused = Outcome("tiny", f"bob{HOSTILE_NAME}", "needs attention", f"{HOSTILE_NAME} is {'x' * 10**6}")
    collected = Collected(HOSTILE_NAME, HOSTILE_NAME, "refused", [HOSTILE_NAME, "x" * 10**6])
    for text in (line(graded).replace("\n    ", ""), line(refused), _collected(collected)):
        assert "owned" in text
        assert text.isprintable()
        assert len(text) < 10_000


def test_a_notebook_that_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "work.ipynb"
    with path.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(
        InputError, match=r"work.ipynb has 65 MB, 64 MB are allowed\. Ask the student to clear"
    ):
        read_notebook(path)


def test_tags_that_are_none_do_not_take_hours(tmp_path: Path) -> None:
    """The format's own reader compares each with every other; these would take it an hour."""
    path = tmp_path / "work.ipynb"
    tags = ["mine", "mine", *({"number": number} for number in range(8_000))]
    path.write_text(json.dumps(notebook_v4(one_cell(metadata={"tags": tags}))))
    assert read_notebook(path).cells[0].metadata["tags"] == ["mine"]


def test_a_heading_is_as_deep_as_headings_are(tmp_path: Path) -> None:
    """An older notebook says how deep in a number, which could be one of gigabytes."""
    path = tmp_path / "work.ipynb"
    heading = {"cell_type": "heading", "level": 50_000_000, "source": ["Mine"], "metadata": {}}
    sheet = {"cells": [heading], "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [sheet]}
    path.write_text(json.dumps(old))
    assert read_notebook(path).cells[0].source == "###### Mine"


@pytest.mark.parametrize(
    "cell", [{"cell_type": "code", "execution_count": None, "outputs": [{}] * 10_001}, {}]
)
def test_more_cells_and_outputs_than_anybody_makes_are_not_read(tmp_path: Path, cell: dict[str, Any]) -> None:
    path = tmp_path / "work.ipynb"
    path.write_text(json.dumps(notebook_v4(*[one_cell(**cell)] * (1 if cell else 10_001))))
    with pytest.raises(InputError, match=r"work.ipynb has 10,00. cells and outputs, 10,000 are allowed"):
        read_notebook(path)


def test_a_file_of_nothing_but_lists_is_not_read(tmp_path: Path) -> None:
    """A hundred times its size would be needed to read it."""
    path = tmp_path / "work.ipynb"
    path.write_text(json.dumps(notebook_v4() | {"metadata": {"mine": [[]] * 1_000_000}}))
    with pytest.raises(InputError, match=r"work.ipynb has more than 1,000,000 lists and entries"):
        read_notebook(path)


def test_a_path_that_would_be_too_long_in_the_course_is_a_fault() -> None:
    assert path_fault("/".join(["x" * 200] * 6)) == "its path is longer than 1000 bytes"


def test_a_folder_called_like_the_notebook_is_named(tmp_path: Path) -> None:
    (tmp_path / "tiny.ipynb").mkdir()
    (tmp_path / "other.ipynb").write_text("{}")
    with pytest.raises(InputError, match=r"^tiny.ipynb is a folder, not a notebook"):
        find_notebook(tmp_path, "tiny.ipynb")


def test_no_record_of_a_time_is_long(tmp_path: Path) -> None:
    stamp = tmp_path / "timestamp.txt"
    stamp.write_text("2026-01-01 12:00:00 UTC")
    assert handed_in(tmp_path)
    stamp.write_text("2026-01-01 12:00:00 UTC" + "\n" * 200)
    assert handed_in(tmp_path) is None
