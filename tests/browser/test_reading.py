"""What a reader does: search, walk on, answer, copy, take along; without scripts, from a folder, on paper."""

import io
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from contents import BOOK, PAGES
from playwright.sync_api import expect

CHAPTER = "regularization/dropout"
ASSIGNMENTS = sorted(path.name for path in (BOOK.parent / "exercises").iterdir())
QUIZZES = [name for name in PAGES if ":class: dropdown" in (BOOK / f"{name}.md").read_text("utf-8")]


def test_the_search_opens_with_its_keys(window: Any) -> None:
    with window(viewport={"width": 1280, "height": 900}) as one:
        page = one.open(CHAPTER)
        page.keyboard.press("Control+k")
        expect(page.locator("dialog input[type=search]")).to_be_focused()


def test_a_word_is_found_and_leads_to_its_page(window: Any) -> None:
    with window(viewport={"width": 1280, "height": 900}) as one:
        page = one.open("index")
        page.locator("button.search-button-field").click()
        page.locator("dialog input[type=search]").fill("inverted dropout")
        page.keyboard.press("Enter")
        page.locator(f'ul.search li a[href*="{CHAPTER}"]').first.click()
        expect(page.locator("article h1").first).to_contain_text("Dropout")
    assert one.troubles == []


def test_next_walks_through_the_whole_book_and_previous_goes_back(window: Any) -> None:
    with window(viewport={"width": 1280, "height": 900}) as one:
        page = one.open(PAGES[0])
        for name in PAGES[1:]:
            page.locator("a.right-next").click()
            page.wait_for_url(f"**/{name}.html")
        page.locator("a.left-prev").click()
        page.wait_for_url(f"**/{PAGES[-2]}.html")
    assert one.troubles == []


def test_a_page_has_its_height_before_it_is_scrolled(window: Any) -> None:
    """Or what a reader is about to click at its end moves away."""
    height = "() => document.documentElement.scrollHeight"
    with window(viewport={"width": 1280, "height": 900}) as one:
        page = one.open("notation")
        before = page.evaluate(height)
        page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
        page.evaluate("() => new Promise((drawn) => setTimeout(() => requestAnimationFrame(drawn), 500))")
        assert page.evaluate(height) == before


@pytest.mark.parametrize("name", QUIZZES)
def test_every_answer_is_folded_and_unfolds(name: str, window: Any) -> None:
    with window(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as one:
        page = one.open(name)
        answers = page.locator(".admonition.dropdown")
        assert answers.count() == (BOOK / f"{name}.md").read_text("utf-8").count(":class: dropdown")
        for number, answer in enumerate(answers.all()):
            inside = answer.locator("p:not(.admonition-title), li, math, pre").first
            expect(inside).not_to_be_visible()
            button = answer.locator("button, summary").first
            if number % 2:
                button.click()
            else:
                button.focus()
                page.keyboard.press("Enter")
            expect(inside).to_be_visible()
    assert one.troubles == []


@pytest.mark.parametrize("name", PAGES)
def test_with_scripts_off_everything_is_there_to_read(name: str, window: Any) -> None:
    with window(java_script_enabled=False) as one:
        page = one.open(name)
        expect(page.locator("article h1").first).to_be_visible()
        for answer in page.locator(".admonition.dropdown").all():
            expect(answer.locator("p:not(.admonition-title), li, math, pre").first).to_be_visible()
        for image in page.locator("article img").all():
            if not image.locator("xpath=ancestor::details[not(@open)]").count():
                expect(image).to_be_visible()
        for words in page.locator(".cnnlab-figure + noscript").all():
            expect(words.locator("p")).to_be_visible()
    assert one.troubles == []


def test_figures_work_from_a_folder(window: Any, html: Path) -> None:
    with window(html.as_uri(), reduced_motion="reduce") as one:
        page = one.open(CHAPTER)
        figure = page.locator(".cnnlab-figure").first
        figure.get_by_role("button", name="Draw 100").click()
        expect(figure).to_contain_text("After 100 draws")
        page.locator("a.right-next").click()
        expect(page.locator("article h1").first).to_contain_text("atch norm")
    assert one.troubles == []


def test_the_first_key_leads_past_the_navigation(window: Any) -> None:
    with window(viewport={"width": 1280, "height": 900}) as one:
        page = one.open(CHAPTER)
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to main content")
        page.keyboard.press("Enter")
        assert page.url.endswith("#main-content")


def test_the_reader_chooses_a_theme_and_keeps_it(window: Any) -> None:
    with window(viewport={"width": 1280, "height": 900}, color_scheme="light") as one:
        page = one.open(CHAPTER)
        button = page.locator("button.theme-switch-button:visible").first
        for _ in range(3):
            if page.locator("html[data-theme=dark]").count():
                break
            button.click()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        one.open("index")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert one.troubles == []


def test_code_is_copied(window: Any) -> None:
    with window(permissions=["clipboard-read", "clipboard-write"]) as one:
        page = one.open(CHAPTER)
        block = page.locator("div.highlight:has(button.copybtn):visible").first
        block.hover()
        block.locator("button.copybtn").click()
        expect(block.locator("button.copybtn.success")).to_be_visible()
        copied = page.evaluate("() => navigator.clipboard.readText()")
        assert "".join(copied.split()) in "".join(block.inner_text().split())
        assert len(copied) > 20
    assert one.troubles == []


def test_a_chapter_is_taken_along_as_a_notebook(window: Any, tmp_path: Path) -> None:
    with window(viewport={"width": 1280, "height": 900}) as one:
        page = one.open(CHAPTER)
        page.locator(".dropdown-download-buttons > button").click()
        with page.expect_download() as started:
            page.locator("a.btn-download-notebook-button").click()
        started.value.save_as(tmp_path / "chapter.ipynb")
    notebook = nbformat.read(tmp_path / "chapter.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs for cell in code)
    assert any("DropoutMasks" in cell.source for cell in code)


def test_the_whole_site_is_taken_along(window: Any, tmp_path: Path) -> None:
    with window() as one:
        page = one.open("index")
        with page.expect_download() as started:
            page.get_by_role("link", name="offline copy").click()
        started.value.save_as(tmp_path / "book.zip")
    with zipfile.ZipFile(io.BytesIO((tmp_path / "book.zip").read_bytes())) as book:
        book.extractall(tmp_path)
    folder = tmp_path / "cnnlab-book"
    with window(folder.as_uri(), reduced_motion="reduce") as one:
        page = one.open(CHAPTER)
        expect(page.locator(".cnnlab-figure button").first).to_be_visible()
    assert one.troubles == []


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_an_assignment_is_one_zip_that_holds_all_it_needs(name: str, window: Any, tmp_path: Path) -> None:
    with window(viewport={"width": 1280, "height": 900}) as one:
        page = one.open("submitting")
        row = page.locator("article tr").filter(has_text=f"{name}.ipynb")
        with page.expect_download() as started:
            row.get_by_role("link", name="everything in one zip").click()
        assert started.value.suggested_filename == f"{name}.zip"
        started.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / name
    nbformat.validate(nbformat.read(folder / f"{name}.ipynb", as_version=4))
    assert f"jupyter lab {name}.ipynb" in (folder / "START.md").read_text()
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    for file in (project["readme"], *project["license-files"], "environment.yml", "constraints.txt"):
        assert (folder / file).is_file()
    program = "import cnnlab.check as it; print(it.__file__)"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith(str(folder))


def test_an_address_that_does_not_exist_shows_a_page_that_leads_back(window: Any) -> None:
    with window(viewport={"width": 1280, "height": 900}) as one:
        page = one.open("regularization/further/nothing")
        expect(page.locator("article h1").first).to_have_text(re.compile("does not exist"))
        about = "Failed to load resource: the server responded with a status of 404"
        assert all("nothing.html" in trouble or about in trouble for trouble in one.troubles)
        one.troubles.clear()
        page.get_by_role("link", name="The first page").click()
        page.wait_for_url("**/index.html")
    assert one.troubles == []


@pytest.mark.parametrize("name", [CHAPTER, "tuning/searching"])
def test_on_paper_there_is_the_text_alone(name: str, window: Any, pictures: Path) -> None:
    with window(viewport={"width": 794, "height": 1123}) as one:
        page = one.open(name)
        page.emulate_media(media="print")
        for part in (
            ".bd-sidebar-primary",
            ".bd-sidebar-secondary",
            ".bd-header-article",
            ".prev-next-footer",
        ):
            expect(page.locator(part).first).not_to_be_visible()
        expect(page.locator("h1:visible")).to_have_count(1)  # the theme has one for paper, above the contents
        page.screenshot(path=pictures / f"paper-{name.replace('/', '-')}.png")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 794
