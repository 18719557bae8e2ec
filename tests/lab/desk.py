"""What a person does in JupyterLab, by name: open, run, write, look."""

import re
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Locator, Page, expect


class Desk:
    """The page of a JupyterLab and the folder that it shows.

    Args:
        page: JupyterLab, ready.
        root: its folder.
    """

    def __init__(self, page: Page, root: Path) -> None:
        self.page, self.root = page, root

    def open(self, path: str) -> None:
        """Open a file from the file browser by double clicks, and wait until its kernel is ready."""
        browser = self.page.locator(".jp-FileBrowser")
        browser.get_by_title("/", exact=False).first.click()
        for part in path.split("/"):
            browser.locator(".jp-DirListing-item").filter(has_text=part).first.dblclick()
        cells = nbformat.read(self.root / path, as_version=4).cells
        expect(self.notebook.locator(".jp-Cell")).to_have_count(len(cells))
        self.ready()

    @property
    def notebook(self) -> Locator:
        """The notebook that is in front."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def cell(self, text: str) -> Locator:
        """The code cell that holds a text."""
        return self.notebook.locator(".jp-CodeCell").filter(
            has=self.page.locator(".jp-Editor", has_text=text)
        )

    def ready(self) -> None:
        """Wait until the kernel is there and waits for work; cells run before that are lost."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("Python 3 (ipykernel) | Idle")

    def run_all(self, item: str = "Run All Cells") -> None:
        """Run the notebook by the menu and wait until every code cell has a number."""
        self.menu("Run", item)
        cells = self.notebook.locator(".jp-CodeCell .jp-InputArea-prompt")
        expect(cells).to_have_text([re.compile(r"\[\d+\]")] * cells.count(), timeout=60_000)

    def run(self, cell: Locator) -> None:
        """Run one cell with Shift+Enter and wait until it has ended."""
        before = cell.locator(".jp-InputArea-prompt").inner_text()
        self.start(cell)
        prompt = cell.locator(".jp-InputArea-prompt")
        expect(prompt).not_to_have_text(before)
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"))

    def start(self, cell: Locator) -> None:
        """Click into a cell and press Shift+Enter."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def write(self, cell: Locator, text: str) -> None:
        """Replace what stands in a cell, as by pasting."""
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def new_cell(self, text: str) -> Locator:
        """Write a text into a new cell below the last one."""
        self.notebook.locator(".jp-Cell").last.locator(".jp-InputArea-prompt").click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        cells = self.notebook.locator(".jp-Cell")
        cell = cells.nth(cells.count() - 1)  # not `last`: running it adds another below
        self.write(cell, text)
        return cell

    def menu(self, *items: str) -> None:
        """Choose from the menu bar."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=items[0]).first.click()
        for item in items[1:]:
            self.page.locator(".lm-Menu-item:visible").filter(has_text=item).first.click()

    def save(self) -> Any:
        """Save with Ctrl+S; the notebook as it is on the disk then."""
        contents = "/api/contents/"
        with self.page.expect_response(
            lambda answer: answer.request.method == "PUT" and contents in answer.url
        ) as saved:
            self.page.keyboard.press("Control+s")
        path = saved.value.url.partition(contents)[2].partition("?")[0]
        return nbformat.read(self.root / path, as_version=4)
