"""Generating what students get; the real assignments are in tests/test_exercises.py."""

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from cnnlab.errors import InputError
from cnnlab.grading.release import is_pristine, release

SOLUTIONS = Path(__file__).parent / "tiny/solutions"


@pytest.fixture
def generate(tmp_path: Path) -> Any:
    """Generates the tiny assignment into a temporary folder."""

    def run(*names: str, solutions: Path = SOLUTIONS, **options: Any) -> Path:
        return release(names, solutions=solutions, course=tmp_path / "course", to=tmp_path / "to", **options)[
            0
        ]

    return run


def test_a_second_run_gives_the_same_bytes(generate: Any, tmp_path: Path) -> None:
    first = generate().read_bytes()
    shutil.rmtree(tmp_path / "course")
    assert generate().read_bytes() == first


def test_only_the_notebook_reaches_nbgraders_source_folder(generate: Any, tmp_path: Path) -> None:
    generate()
    files = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        Path("course/gradebook.db"),
        Path("course/source/tiny/tiny.ipynb"),
        Path("course/release/tiny/tiny.ipynb"),
        Path("to/tiny/tiny.ipynb"),
    }


def test_cell_ids_are_the_grade_ids_and_digests_of_the_text(generate: Any) -> None:
    notebook = nbformat.read(generate(), as_version=4)
    assert [cell.id for cell in notebook.cells[1:6]] == [
        "setup",
        "square",
        "check_square",
        "double",
        "check_double",
    ]
    assert is_pristine(notebook)


@pytest.mark.parametrize("change", ["answer", "prose", "output"])
def test_an_edited_notebook_is_not_overwritten_without_force(generate: Any, change: str) -> None:
    path = generate()
    notebook = nbformat.read(path, as_version=4)
    if change == "output":
        notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="mine")]
    else:
        notebook.cells[{"answer": 2, "prose": 0}[change]].source += "\n# mine"
    nbformat.write(notebook, path)
    mine = path.read_bytes()
    with pytest.raises(InputError, match="not as it was generated; move it away, or replace it with --force"):
        generate()
    assert path.read_bytes() == mine
    generate(force=True)
    assert is_pristine(nbformat.read(path, as_version=4))


def test_a_file_that_is_not_ours_is_not_overwritten(generate: Any, tmp_path: Path) -> None:
    (tmp_path / "to/tiny").mkdir(parents=True)
    (tmp_path / "to/tiny/tiny.ipynb").write_text("my shopping list")
    with pytest.raises(InputError, match="not as it was generated"):
        generate()
    assert not (tmp_path / "course").exists()


def test_an_untouched_notebook_of_an_older_source_is_replaced(generate: Any, tmp_path: Path) -> None:
    generate()
    newer = shutil.copytree(SOLUTIONS, tmp_path / "newer")
    text = (newer / "tiny.md").read_text()
    (newer / "tiny.md").write_text(text.replace("x times itself", "the square of x"))
    assert "the square of x" in generate(solutions=newer).read_text()


def test_an_unknown_name_lists_the_known_ones(generate: Any) -> None:
    with pytest.raises(InputError, match=r"unknown assignment 'tony'\. Did you mean 'tiny'\? Known: tiny\."):
        generate("tony")


def test_a_missing_folder_says_what_to_do(generate: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run this from the repository's root"):
        generate(solutions=tmp_path / "nowhere")


def test_a_source_that_is_not_a_text_notebook_is_named(generate: Any, tmp_path: Path) -> None:
    (tmp_path / "tiny.md").write_text("---\njupytext: [\n---\n")
    with pytest.raises(InputError, match=r"tiny\.md is not a MyST text notebook"):
        generate(solutions=tmp_path)
