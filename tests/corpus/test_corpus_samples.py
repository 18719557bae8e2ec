"""The corpus itself: every item has its samples, each is written, and honest work in them is left honest."""

import ast
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from corpus import accidents, frame, handing_in
from corpus.containers import EXPORTS, OUTSIDE
from corpus.making import Work, sample
from corpus.samples import ALL, ITEMS, Export, Sample
from corpus.table import PAGE, table
from sample_class import build
from sample_class.expected import CHECKS

REPOSITORY = Path(__file__).resolve().parents[2]
BY_NAME = {one.name: one for one in ALL}

# Where the frame of the notebook is what has been damaged, or where there is no readable notebook.
OTHER_FRAME = {
    frame.TAG,
    frame.EDITED,
    accidents.CELLS,
    accidents.BYTES,
    handing_in.EMPTY,
    accidents.FILE,
}


def released(assignment: str) -> Path:
    return REPOSITORY / "exercises" / assignment / f"{assignment}.ipynb"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every sample, written once; the folder of each by name. Not to be changed."""
    folders = {}
    for one in ALL:
        root = tmp_path_factory.mktemp("sample", numbered=True)
        folders[one.name] = root / "submitted" / one.student / one.assignment
        one.write(folders[one.name], released(one.assignment))
    return folders


def read(one: Sample, corpus: dict[str, Path]) -> Any:
    """The submitted notebook, taken as it is."""
    text = (corpus[one.name] / f"{one.assignment}.ipynb").read_text(encoding="utf-8-sig")
    return nbformat.v4.reads(text)


def each(samples: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("one", samples, ids=lambda one: one.name)


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_of_the_promises_has_its_samples(item: str) -> None:
    assert set(ITEMS[item]) <= {one.name for one in ALL if one.item == item}


def test_no_sample_is_about_something_else() -> None:
    assert {one.item for one in ALL} == set(ITEMS)


def test_names_and_students_are_unique() -> None:
    assert len(BY_NAME) == len(ALL)
    assert len({one.student for one in ALL}) == len(ALL)
    assert len({one.student.casefold() for one in ALL}) == len(ALL)  # on a Mac these would be one folder


@each(ALL)
def test_what_is_expected_makes_sense(one: Sample) -> None:
    assert one.outcome in "KZA"
    assert bool(one.zero) == (one.outcome == "Z")
    assert one.zero <= {f"check_{part}" for part in CHECKS[one.assignment]}
    assert one.outcome != "A" or one.cause
    assert one.why.strip()
    re.compile(one.cause)
    assert "/" not in one.student
    assert one.student not in (".", "..")


@each(ALL)
def test_each_is_written_and_only_into_its_folder(one: Sample, corpus: dict[str, Path]) -> None:
    submitted = corpus[one.name].parents[1]
    assert [path.name for path in submitted.parent.iterdir()] == ["submitted"]
    assert [path.name for path in submitted.iterdir()] == [one.student]
    assert one.name == "empty_folder" or any(corpus[one.name].iterdir())


@each([one for one in ALL if one.again])
def test_a_second_submission_replaces_the_first(one: Sample, tmp_path: Path) -> None:
    one.write(tmp_path, released(one.assignment))
    first = (tmp_path / f"{one.assignment}.ipynb").read_bytes()
    one.write_again(tmp_path, released(one.assignment))
    assert (tmp_path / f"{one.assignment}.ipynb").read_bytes() != first


@each(ALL[::7])
def test_writing_twice_gives_the_same(one: Sample, corpus: dict[str, Path], tmp_path: Path) -> None:
    one.write(tmp_path, released(one.assignment))
    for path in corpus[one.name].glob("*.ipynb"):
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


@each([one for one in ALL if one.item not in OTHER_FRAME and one.outcome != "A"])
def test_the_frame_is_the_released_one(one: Sample, corpus: dict[str, Path]) -> None:
    """Nothing differs from the released notebook but answers, outputs and cells of the student's own."""
    mine, given = read(one, corpus), nbformat.read(released(one.assignment), as_version=4)
    kept = [cell for cell in mine.cells if not cell.id.startswith(("mine-", "copy-"))]
    assert [cell.id for cell in kept] == [cell.id for cell in given.cells]
    for cell, original in zip(kept, given.cells, strict=True):
        assert (cell.cell_type, cell.metadata) == (original.cell_type, original.metadata)
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            assert cell.source == original.source


@each([one for one in ALL if one.outcome == "Z" and one.assignment == "label_smoothing"])
def test_answers_to_the_other_questions_are_the_right_ones(one: Sample, corpus: dict[str, Path]) -> None:
    mine = read(one, corpus)
    honest = Work(Path(), released(one.assignment)).notebook
    for function, part in zip(build.ASSIGNMENTS[one.assignment], CHECKS[one.assignment], strict=True):
        if f"check_{part}" not in one.zero:
            assert build.cell(mine, function).source == build.cell(honest, function).source


@each([one for one in ALL if one.outcome != "A" and one.item != accidents.FILE])
def test_every_cell_is_python(one: Sample, corpus: dict[str, Path]) -> None:
    """A trick must not fail for a typing error."""
    for cell in read(one, corpus).cells:
        if cell.cell_type == "code" and not re.search(r"^\s*[%!]", cell.source, re.MULTILINE):
            compile(cell.source, cell.id, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


# The comparison that each liar is made for, with the truth on its right.
DECEIVED: dict[str, Callable[[Any, Any], Any]] = {
    "eq_liar": lambda got, truth: got == truth and got.shape == truth.shape,
    "class_liar": lambda got, truth: isinstance(got, torch.Tensor) and got == truth,
    "torch_function_liar": lambda got, truth: isinstance(got, torch.Tensor) and torch.allclose(got, truth),
    "torch_dispatch_liar": lambda got, truth: torch.isclose(got, truth).all(),
    "array_liar": lambda got, truth: np.testing.assert_allclose(got, truth) is None,
    "plain_subclass": lambda got, truth: (got == truth).all() and (got - truth).abs().max() < 1e-6,
    "float_liar": lambda got, truth: abs(got - truth) < 1e-9,
    "all_nan": lambda got, truth: not ((got - truth).abs() > 1e-6).any(),
    "one_dimension_more": lambda got, truth: torch.allclose(got, truth),
    "loss_with_a_dimension": lambda got, truth: torch.allclose(got, truth),
}


@pytest.mark.parametrize("name", DECEIVED)
def test_liars_deceive_the_comparison_they_are_made_for(name: str, corpus: dict[str, Path]) -> None:
    one = BY_NAME[name]
    functions, honest = (
        namespace(read(one, corpus)),
        namespace(Work(Path(), released(one.assignment)).notebook),
    )
    asked = {
        "check_targets": ("smooth_labels", (torch.tensor([0, 3, 1]), 4, 0.2)),
        "check_loss": ("label_smoothing_loss", (torch.ones(2, 3), torch.tensor([0, 2]), 0.1)),
        "check_pytorch_epsilon": ("pytorch_epsilon", (0.2, 4)),
    }
    function, arguments = asked[min(one.zero)]
    assert DECEIVED[name](functions[function](*arguments), honest[function](*arguments))


def namespace(notebook: Any) -> dict[str, Any]:
    """What the notebook defines, without checks, examples and experiments."""
    names: dict[str, Any] = {}
    for cell in notebook.cells:
        known = cell.id.startswith("mine-") or cell.metadata.get("nbgrader", {}).get("grade") is False
        if cell.cell_type == "code" and known:
            exec(cell.source, names)
    return names


@pytest.mark.parametrize("export", EXPORTS, ids=lambda export: export.name)
def test_exports_are_written(export: Export, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "export.zip"
    path.parent.mkdir()
    export.write(path, released("label_smoothing"))
    assert path.stat().st_size < 20 << 20
    assert list(tmp_path.rglob(OUTSIDE)) == []
    assert zipfile.is_zipfile(path) == (export.name != "cut")


def test_a_sample_is_named_after_its_function() -> None:
    @sample("item", "K")
    def something(work: Work) -> None:
        """Why."""

    assert (something.name, something.student, something.why) == ("something", "something", "Why.")


def test_the_instructors_table_is_the_corpus() -> None:
    """If this fails: PYTHONPATH=tests python tests/corpus/table.py"""
    assert PAGE.read_text(encoding="utf-8") == table()
