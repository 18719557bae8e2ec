"""What every published page promises: texts for images, links that lead somewhere, nothing foreign."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

BOOK = Path(__file__).parents[2] / "book"


def names() -> list[str]:
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


PAGES = names()


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, html: Path) -> Path:
    return html / f"{request.param}.html"


def parsed(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def test_every_image_has_a_text(page: Path) -> None:
    for image in parsed(page).find_all("img"):
        text = image.get("alt", "")
        assert len(text) > 20, f"{image.get('src')} has the text {text!r}"
        assert not text.endswith((".png", ".svg")), f"{image.get('src')} has its own name as text"


def test_every_figure_of_a_chapter_has_a_caption(page: Path) -> None:
    for output in parsed(page).select("div.cell_output img"):
        figure = output.find_parent("figure")
        assert figure is not None, f"{output.get('alt')!r} is not a figure"
        assert len(figure.figcaption.get_text()) > 30


def test_every_internal_link_resolves(page: Path, html: Path) -> None:
    places: dict[Path, set[str]] = {}
    for link in parsed(page).find_all(["a", "link"], href=True):
        address = urlsplit(link["href"])
        if address.scheme or address.netloc:
            continue
        target = (page.parent / unquote(address.path)).resolve() if address.path else page
        target = target / "index.html" if target.is_dir() else target
        assert target.exists(), (
            f"{link['href']} leads to {target.relative_to(html.parent)}, which does not exist"
        )
        if address.fragment and target.suffix == ".html":
            if target not in places:
                places[target] = {tag["id"] for tag in parsed(target).find_all(id=True)}
            assert address.fragment in places[target], f"{link['href']} leads to a place that does not exist"


def test_nothing_is_loaded_from_other_sites(page: Path) -> None:
    document = parsed(page)
    loaded = [tag["src"] for tag in document.find_all(["script", "img", "iframe", "source"], src=True)]
    loaded += [
        tag["href"] for tag in document.find_all("link", href=True) if "stylesheet" in tag.get("rel", [])
    ]
    loaded += [tag["href"] for tag in document.find_all("link", href=True) if "preload" in tag.get("rel", [])]
    assert loaded
    assert [address for address in loaded if urlsplit(address).netloc] == []


def test_a_term_says_what_it_means(page: Path) -> None:
    for link in parsed(page).select('a.reference.internal[href*="#term-"]:has(.std-term)'):
        assert len(link.get("title", "")) > 20, link


def test_terms_lead_to_the_glossary(html: Path) -> None:
    assert (
        len(parsed(html / "regularization/dropout.html").select('a[href*="glossary.html#term-"][title]')) >= 3
    )


def test_every_number_arrived(page: Path) -> None:
    text = parsed(page).find("article").get_text()
    assert "{glue" not in text
    assert "glue:" not in text
    diverged = "loss became nan"  # the words of a failed run, quoted where they are the subject
    assert "nan" not in text.replace(diverged, "").split()


def test_every_formula_became_mathml(page: Path) -> None:
    document = parsed(page)
    for math in document.find_all("math"):
        assert math.find(True) is not None, f"an empty formula after {math.find_previous('p')}"
    assert "\\(" not in document.find("article").get_text()


def test_the_pages_tell_who_may_use_them(page: Path) -> None:
    assert "CC BY 4.0" in parsed(page).find("footer", class_="bd-footer-content").get_text()
