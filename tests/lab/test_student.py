"""A student's evening in JupyterLab, by clicking: the assignment, its checks, the figures, the cockpit."""

import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from desk import Desk
from playwright.sync_api import Locator, expect

from cnnlab.check.assignments import ASSIGNMENTS

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "tests/sample_class"
NAME = "inverted_dropout"
NOTEBOOK = f"exercises/{NAME}/{NAME}.ipynb"
PARTS = [part.name for part in ASSIGNMENTS[NAME].parts]
Picture = Callable[[str], None]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a student has; another test proves that the committed notebook is the released one."""
    root = tmp_path_factory.mktemp("student") / "root"
    shutil.copytree(REPOSITORY / "exercises" / NAME, root / "exercises" / NAME)
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    return root


@pytest.fixture(scope="module")
def samples() -> ModuleType:
    """The sample class's reader of answers."""
    spec = importlib.util.spec_from_file_location("sample_class_of_the_lab", SAMPLES / "build.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check_cell(desk: Desk, part: str) -> Locator:
    return desk.cell(f'check("{NAME}.{part}"')


def checked(desk: Desk, part: str) -> Locator:
    """Run a check; its output."""
    cell = check_cell(desk, part)
    desk.run(cell)
    return cell.locator(".jp-OutputArea")


def test_untouched_it_runs_to_the_end(desk: Desk, picture: Picture) -> None:
    desk.open(NOTEBOOK)
    desk.run_all()
    saved = desk.save()
    check_cell(desk, "forward").scroll_into_view_if_needed()
    expect(check_cell(desk, "forward")).to_contain_text("dropout_forward is not implemented yet.")

    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    checks = [cell for cell in code if cell.source.startswith("check(")]
    assert len(checks) == len(PARTS)
    for cell in checks:
        table, error = cell.outputs
        assert "is not implemented yet." in table.data["text/html"]
        assert len(error.traceback) == 1
        assert error.traceback[0].startswith("CheckFailed: FAILED")
    others = [output for cell in code if cell not in checks for output in cell.outputs]
    assert not [output for output in others if output.output_type == "error"]


def test_a_wrong_answer_is_told_its_misconception(desk: Desk, samples: ModuleType, picture: Picture) -> None:
    wrong = samples.answers(SAMPLES / f"wrong/{NAME}/classic_dropout.py", NAME)
    cell = desk.cell("def dropout_forward(x")
    desk.write(cell, wrong["dropout_forward"])
    desk.run(cell)
    output = checked(desk, "forward")
    (known,) = (m for m in ASSIGNMENTS[NAME].misconceptions if m.name == "no_scaling")
    expect(output).to_contain_text(known.title)
    expect(output).to_contain_text("failed")
    expect(output).not_to_contain_text("Traceback")


def test_a_right_answer_passes_and_the_others_stay_open(
    desk: Desk, samples: ModuleType, picture: Picture
) -> None:
    right = samples.answers(SAMPLES / f"correct/{NAME}/where.py", NAME)
    cell = desk.cell("def dropout_forward(x")
    desk.write(cell, right["dropout_forward"])
    desk.run(cell)
    for part in ("forward", "randomness", "evaluation"):
        output = checked(desk, part)
        expect(output).to_contain_text("passed")
        expect(output).not_to_contain_text("CheckFailed")


def validated(desk: Desk) -> Locator:
    """Press nbgrader's button; its dialogue."""
    desk.notebook.get_by_role("button", name="Validate").or_(
        desk.notebook.get_by_text("Validate")
    ).first.click()
    return desk.page.locator(".jp-Dialog", has_text="Validation Results")


def test_validate_names_what_is_missing_and_praises_what_is_whole(
    desk: Desk, samples: ModuleType, picture: Picture
) -> None:
    dialog = validated(desk)
    expect(dialog).to_contain_text(f'check("{NAME}.backward"')
    expect(dialog).to_contain_text("You did not provide a response.")
    expect(dialog).not_to_contain_text(f'check("{NAME}.forward"')
    picture("validate")
    dialog.get_by_text("Ok", exact=True).click()

    right = samples.answers(SAMPLES / f"correct/{NAME}/where.py", NAME)
    cell = desk.cell("def dropout_backward(grad_y")
    desk.write(cell, right["dropout_backward"])
    desk.run(cell)
    expect(checked(desk, "backward")).to_contain_text("passed")
    written = desk.notebook.locator(".jp-MarkdownCell").filter(has_text="YOUR ANSWER HERE")
    written.dblclick()
    desk.write(written, "Three times as large; the interval excludes zero.")
    desk.page.keyboard.press("Shift+Enter")
    dialog = validated(desk)
    expect(dialog).to_contain_text("Success!")
    dialog.get_by_text("Ok", exact=True).click()


@pytest.fixture(scope="module")
def empty(page: Any, root: Path) -> Desk:
    """A new notebook, from the launcher."""
    desk = Desk(page, root)
    desk.menu("File", "New Launcher")
    page.locator(".jp-LauncherCard[title*='Python 3']:visible").first.click()
    desk.ready()
    return desk


def test_a_figures_slider_keeps_its_arrow_keys(empty: Desk, picture: Picture) -> None:
    cell = empty.new_cell("from cnnlab.widgets import DropoutMasks\nDropoutMasks()")
    empty.run(cell)
    slider = cell.get_by_label("drop probability")
    drawing = cell.locator("svg[role=img]")
    before = drawing.inner_html()
    # JupyterLab gives the cell that it has added below the keyboard, a moment later.
    expect(empty.notebook.locator(".jp-Cell").last.locator(".cm-content")).to_be_focused()
    slider.focus()
    expect(slider).to_be_focused()
    active = empty.notebook.locator(".jp-Cell").evaluate_all(ACTIVE)
    for key in ("ArrowRight", "ArrowUp", "ArrowRight"):
        empty.page.keyboard.press(key)
    expect(cell.locator("output")).to_have_text("p = 0.65")
    assert drawing.inner_html() != before
    empty.page.keyboard.press("ArrowDown")
    expect(cell.locator("output")).to_have_text("p = 0.60")
    expect(slider).to_be_focused()
    assert empty.notebook.locator(".jp-Cell").evaluate_all(ACTIVE) == active


ACTIVE = (
    "cells => cells.map((cell) => [...cell.classList].filter((name) => /mod-(active|selected)/.test(name)))"
)


def epoch(cell: Locator) -> int:
    """The number that the cockpit's status says last."""
    return int(re.findall(r"Epoch (\d+) of", cell.get_by_role("status").inner_text())[0])


def after(cell: Locator, number: int) -> None:
    """Wait until the cockpit is past an epoch and its curves have been drawn since."""
    later = rf"Learning curves\. Epoch ({'|'.join(str(n) for n in range(number + 1, 1001))}) of"
    expect(cell.locator("svg[aria-label^='Learning curves']")).to_have_attribute(
        "aria-label", re.compile(later)
    )


def test_the_cockpit_by_keyboard_while_another_cell_runs(empty: Desk, root: Path, picture: Picture) -> None:
    cell = empty.new_cell(
        "from cnnlab.widgets import Choices, Cockpit\n"
        "Cockpit(Choices(data='digits', train_size=100, epochs=1000, batch_size=20))"
    )
    empty.run(cell)
    status = cell.get_by_role("status")
    expect(status).to_have_text("Choose, then press Start.")
    cell.get_by_role("button", name="Start").focus()
    empty.page.keyboard.press("Enter")
    after(cell, 0)

    busy = empty.new_cell(
        "import time\nfrom pathlib import Path\nwhile not Path('enough').exists():\n    time.sleep(0.05)"
    )
    empty.start(busy)
    expect(busy.locator(".jp-InputArea-prompt")).to_have_text("[*]:")
    after(cell, epoch(cell))
    after(cell, epoch(cell))
    expect(busy.locator(".jp-InputArea-prompt")).to_have_text("[*]:")
    picture("cockpit beside a running cell")
    places = list(root.rglob("*.ipynb"))
    for folder in {path.parent for path in places} | {root}:
        (folder / "enough").touch()
    expect(busy.locator(".jp-InputArea-prompt")).to_have_text(re.compile(r"\[\d+\]"))

    cell.get_by_role("button", name="Pause").click()
    resume = cell.get_by_role("button", name="Resume")
    expect(status).to_contain_text("Paused")
    resume.focus()
    empty.page.keyboard.press("Enter")
    expect(status).to_contain_text("Epoch ")
    after(cell, epoch(cell))
    cell.get_by_role("button", name="As code").click()
    expect(cell.locator("pre").last).to_contain_text("history = fit(")
    cell.get_by_role("button", name="Stop").click()
    expect(status).to_contain_text("Stopped")
    expect(cell.get_by_role("button", name="Start")).to_be_enabled()
