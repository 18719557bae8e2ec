"""The chapters' sources: short code, numbers from the run only, no outputs."""

import ast
import re
from pathlib import Path

import jupytext
import nbformat
import pytest
import yaml

BOOK = Path(__file__).parents[2] / "book"
CHAPTERS = [path for path in sorted(BOOK.glob("*/*.md")) if not path.parts[len(BOOK.parts)].startswith("_")]
# Percentages in the prose that are settings, not results.
SETTINGS = {"95 %", "70 %"}


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return jupytext.read(request.param)


def test_every_chapter_is_in_the_table_of_contents() -> None:
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text())
    listed = {chapter["file"] for part in contents["parts"] for chapter in part["chapters"]}
    assert CHAPTERS
    assert {str(path.relative_to(BOOK).with_suffix("")) for path in CHAPTERS} <= listed


def test_shown_code_is_short(chapter: nbformat.NotebookNode) -> None:
    for cell in chapter.cells:
        if cell.cell_type != "code" or {"remove-cell", "hide-cell"} & set(cell.metadata.get("tags", [])):
            continue
        lines = cell.source.splitlines()
        assert len(lines) <= 14, f"{len(lines)} lines:\n{cell.source}"
        assert max(map(len, lines)) <= 88, f"a line is too long for the page:\n{cell.source}"


def test_a_print_ends_its_line(chapter: nbformat.NotebookNode) -> None:
    """What comes out in several pieces, which a clock decides, is joined line by line on the page."""
    code = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "code")
    calls = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    prints = (node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print")
    assert not [ast.unparse(node) for node in prints if any(one.arg == "end" for one in node.keywords)]


def test_no_result_is_typed_by_hand(chapter: nbformat.NotebookNode) -> None:
    prose = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    assert set(re.findall(r"\d[\d.,]* %", prose)) <= SETTINGS
    assert not re.search(r"\d percentage points", prose)


def test_the_sections_of_a_chapter_are_there(chapter: nbformat.NotebookNode) -> None:
    prose = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^## (.*)$", prose, flags=re.MULTILINE)
    wanted = [
        "Does it help?",
        "What goes wrong",
        "Try it",
        "Check yourself",
        "Your turn",
        "Remember",
        "Further reading",
    ]
    assert [heading for heading in headings if heading in wanted] == wanted
    assert "You will" in prose
