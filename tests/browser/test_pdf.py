"""The book on paper: a few chapters printed as the whole is."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from contents import BOOK
from playwright.sync_api import Browser
from pypdf import PdfReader

PRINTED = ["index", "how-to-work", "regularization/dropout", "glossary"]


@pytest.fixture(scope="module")
def book(
    html: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ModuleType, PdfReader]:
    spec = importlib.util.spec_from_file_location("print_book", BOOK / "_ext" / "print_book.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    to = tmp_path_factory.mktemp("paper") / module.PDF
    module.print_book(browser, html, to, PRINTED)
    assert not list(html.glob("_print*"))
    return module, PdfReader(to)


def test_the_contents_say_on_which_page_a_chapter_begins(book: Any) -> None:
    module, reader = book
    texts = [page.extract_text() for page in reader.pages]
    begin = module.starts(reader, len(PRINTED))
    assert sorted(set(begin)) == begin
    for title, page in zip(("Training", "How to work", "Dropout", "Glossary"), begin, strict=True):
        assert title in texts[page - 1][:80]
        assert re.search(rf"{title}[^\n]*\n?\s*{page}\b", texts[1])


def test_text_formulas_and_figures_are_there_and_controls_are_not(book: Any) -> None:
    text = " ".join(page.extract_text() for page in book[1].pages)
    assert "Inverted dropout" in text or "inverted dropout" in text
    assert "Answer" in text
    assert "Nothing drawn yet" in text  # the interactive figure's own words
    assert "Draw 100" not in text


def test_links_lead_to_places_in_the_document(book: Any) -> None:
    reader = book[1]
    inside = [
        link.get_object()
        for page in reader.pages
        for link in page.get("/Annots", [])
        if "/Dest" in link.get_object()
    ]
    assert len(inside) > len(PRINTED)
    names = set(reader.named_destinations)
    assert {str(link["/Dest"]).removeprefix("/") for link in inside} <= {
        name.removeprefix("/") for name in names
    }
