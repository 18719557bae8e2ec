"""An instructor's evening in JupyterLab, by clicking: the formgrader lists, grades, writes feedback."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from desk import Desk
from playwright.sync_api import FrameLocator, Page, expect

REPOSITORY = Path(__file__).resolve().parents[2]
ANSWERS = {
    "ada": {"square": "def square(x):\n    return x * x", "double": "def double(x):\n    return 2 * x"},
    "eve": {"square": "def square(x):\n    return 0", "double": "def double(x):\n    return 2 * x"},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a small assignment, released, and two submissions."""
    root = tmp_path_factory.mktemp("instructor") / "root"
    shutil.copytree(REPOSITORY / "tests/grading/tiny/solutions", root / "solutions")
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    command = [str(Path(sys.executable).parent / "cnnlab"), "release"]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=300)
    for student, answers in ANSWERS.items():
        notebook = nbformat.read(root / "exercises/tiny/tiny.ipynb", as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = (answers | {"written": "Because."}).get(name, cell.source)
        folder = root / "course/submitted" / student / "tiny"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "tiny.ipynb")
    return root


@pytest.fixture(scope="module")
def formgrader(page: Page, root: Path) -> FrameLocator:
    """nbgrader's formgrader, opened from JupyterLab's menu."""
    Desk(page, root).menu("Nbgrader", "Formgrader")
    return page.frame_locator("iframe[src*=formgrader]")


def test_it_lists_the_assignments(formgrader: FrameLocator) -> None:
    tiny = formgrader.locator("tbody tr").filter(has_text="tiny")
    expect(tiny.locator(".num-submissions")).to_have_text("2")


def test_it_autogrades_a_submission(formgrader: FrameLocator, page: Page) -> None:
    formgrader.locator("tbody tr").filter(has_text="tiny").locator(".num-submissions a").click()
    for student, score in (("ada", "5 / 7"), ("eve", "2 / 7")):
        one = formgrader.locator("tbody tr").filter(
            has=formgrader.locator(f".student-id:text-is('{student}')")
        )
        expect(one.locator(".status")).to_have_text("needs autograding")
        one.locator(".autograde a").click()
        expect(formgrader.locator(".modal")).to_contain_text("Success", timeout=120_000)
        formgrader.locator(".modal .close, .modal button").first.click()
        expect(one.locator(".score")).to_have_text(score)
        expect(one.locator(".status")).to_have_text("needs manual grading")


def test_a_person_gives_points_for_the_written_answer(
    formgrader: FrameLocator, picture: Callable[[str], None]
) -> None:
    formgrader.get_by_role("link", name="Manual Grading").click()
    formgrader.get_by_role("link", name="tiny").click()
    formgrader.get_by_role("link", name="tiny").click()
    formgrader.locator("tbody tr a").first.click()
    expect(formgrader.locator("body")).to_contain_text("Because.")
    picture("formgrader, a written answer")
    points = formgrader.locator("input.score").last
    points.fill("2")
    points.press("Tab")
    expect(formgrader.locator(".score-saved").last).to_be_visible()
    formgrader.get_by_role("link", name="Manual Grading").first.click()
    formgrader.get_by_role("link", name="Manage Assignments").first.click()
    formgrader.locator("tbody tr").filter(has_text="tiny").locator(".num-submissions a").click()
    # Which of the two came first is nbgrader's choice; two points were added to one of them.
    graded = formgrader.locator("tbody tr").filter(has=formgrader.locator(".label:text-is('graded')"))
    expect(graded).to_have_count(1)
    expect(graded.locator(".score")).to_have_text(re.compile(r"^(7|4) / 7$"))


def test_it_writes_feedback(formgrader: FrameLocator, root: Path) -> None:
    one = formgrader.locator("tbody tr").filter(has=formgrader.locator(".student-id:text-is('ada')"))
    one.locator(".generate-feedback a").click()
    expect(formgrader.locator(".modal")).to_contain_text("Success", timeout=120_000)
    assert "Because." in (root / "course/feedback/ada/tiny/tiny.html").read_text()
