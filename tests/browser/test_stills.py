"""Still pictures of the figures: there without scripts, out of the way with them."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest
from contents import BOOK
from playwright.sync_api import Browser, expect

CHAPTERS = ["regularization/weight_penalties", "regularization/dropout"]


@pytest.fixture(scope="module")
def folder(html: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the site with the pictures in two chapters, made twice."""
    spec = importlib.util.spec_from_file_location("stills", BOOK / "_ext" / "stills.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    copy = shutil.copytree(html, tmp_path_factory.mktemp("stills") / "html")
    module.add_stills(browser, copy, CHAPTERS)
    before = {name: (copy / f"{name}.html").read_bytes() for name in CHAPTERS}
    module.add_stills(browser, copy, CHAPTERS)  # as when nothing has changed since the last build
    assert {name: (copy / f"{name}.html").read_bytes() for name in CHAPTERS} == before
    return copy


@pytest.mark.parametrize("name", CHAPTERS)
def test_without_scripts_each_figure_is_a_picture(name: str, folder: Path, window: Any) -> None:
    with window(folder.as_uri(), java_script_enabled=False) as one:
        page = one.open(name)
        pictures = page.locator(".cnnlab-figure + noscript img")
        assert pictures.count() == page.locator(".cnnlab-figure").count() > 0
        for picture in pictures.all():
            picture.scroll_into_view_if_needed()
            expect(picture).to_be_visible()
            assert "as the figure looks at first" in (picture.get_attribute("alt") or "")
            assert picture.evaluate("(one) => one.decode().then(() => one.naturalWidth)") > 500
    assert one.troubles == []


def test_with_scripts_there_is_the_figure_alone(folder: Path, window: Any) -> None:
    with window(folder.as_uri()) as one:
        page = one.open(CHAPTERS[1])
        expect(page.locator(".cnnlab-figure button").first).to_be_visible()
        assert page.locator(".cnnlab-figure + noscript img").count() == 0
    assert one.troubles == []
