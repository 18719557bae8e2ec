"""What the extension adds to a site, with its addresses and without them; twice the same."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

CONF = """
import sys
sys.path.insert(0, {extensions!r})
project = html_title = "A course"
extensions = ["myst_nb", "cnnlab_site"]
html_theme = "sphinx_book_theme"
html_theme_options = {{"use_download_button": True}}
nb_execution_mode = "off"
templates_path = [{templates!r}]
html_static_path = [{static!r}]
exclude_patterns = ["_build"]
"""
INDEX = """# The first page

Its first paragraph
says "what" it is about.

```{toctree}
part/chapter
```
"""
CHAPTER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---
# One chapter

```{code-cell} ipython3
1 + 1
```
"""
ADDRESSES = {
    "CNNLAB_SITE": "https://example.org/course",
    "CNNLAB_REPOSITORY": "https://github.com/someone/name",
}


def build(source: Path, root: Path, to: str, **addresses: str) -> subprocess.CompletedProcess[str]:
    known = {"CNNLAB_SITE", "CNNLAB_REPOSITORY", "CNNLAB_BROWSER"}
    environment = {name: value for name, value in os.environ.items() if name not in known} | addresses
    (source / "part").mkdir(parents=True, exist_ok=True)
    folders = {
        "extensions": root / "book/_ext",
        "templates": root / "book/_templates",
        "static": root / "book/_static",
    }
    (source / "conf.py").write_text(CONF.format(**{name: str(path) for name, path in folders.items()}))
    (source / "index.md").write_text(INDEX)
    (source / "part/chapter.md").write_text(CHAPTER)
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-E", str(source), str(source / "_build" / to)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """The folder with the same site built with the addresses, without them, and so once more."""
    source = tmp_path_factory.mktemp("site")
    for to, addresses in (("with", ADDRESSES), ("without", {}), ("again", {})):
        result = build(source, root, to, **addresses)
        assert result.returncode == 0, result.stderr
    return source / "_build"


def page(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def addresses_of(document: BeautifulSoup) -> list[str]:
    return [link["href"] for link in document.find_all("a", href=True)]


def meta(document: BeautifulSoup, name: str) -> str | None:
    found = document.find("meta", property=name)
    return found["content"] if found else None


def test_with_the_addresses_a_page_leads_to_them(sites: Path) -> None:
    document = page(sites / "with/part/chapter.html")
    links = addresses_of(document)
    notebook = "blob/gh-pages/_sources/part/chapter.ipynb"
    assert f"https://colab.research.google.com/github/someone/name/{notebook}" in links
    assert "https://mybinder.org/v2/gh/someone/name/main?urlpath=lab/tree/book/part/chapter.md" in links
    assert "https://github.com/someone/name/edit/main/book/part/chapter.md" in links
    assert any(link.startswith("https://github.com/someone/name/issues/new") for link in links)
    assert meta(document, "og:url") == "https://example.org/course/part/chapter.html"
    card = meta(document, "og:image")
    assert card is not None
    assert (
        (sites / "with" / card.removeprefix("https://example.org/course/"))
        .read_bytes()
        .startswith(b"\x89PNG")
    )
    sitemap = (sites / "with/sitemap.xml").read_text()
    assert sitemap.count("<loc>") == 2
    assert "https://example.org/course/part/chapter.html" in sitemap


def test_a_page_that_does_not_exist_knows_where_the_site_begins(sites: Path) -> None:
    assert page(sites / "with/404.html").base["href"] == "/course/"
    assert page(sites / "without/404.html").base["href"] == "/"


def test_without_them_nothing_leads_anywhere_else(sites: Path) -> None:
    document = page(sites / "without/part/chapter.html")
    own = [link for link in addresses_of(document) if "://" in link]
    assert [link for link in own if "github" in link or "colab" in link or "binder" in link] == []
    assert meta(document, "og:url") is None
    assert meta(document, "og:title") == "One chapter"
    assert not (sites / "without/sitemap.xml").exists()


def test_a_page_is_described_by_its_first_paragraph(sites: Path) -> None:
    document = page(sites / "without/index.html")
    assert meta(document, "og:description") == "Its first paragraph says “what” it is about."


def test_a_chapter_is_a_notebook_that_can_install_what_it_needs(sites: Path) -> None:
    own = nbformat.read(sites / "without/_sources/part/chapter.ipynb", as_version=4)
    assert [cell.source for cell in own.cells if cell.cell_type == "code"] == ["1 + 1"]
    far = nbformat.read(sites / "with/_sources/part/chapter.ipynb", as_version=4)
    assert "git+https://github.com/someone/name" in far.cells[0].source


def test_a_page_asks_for_one_style_and_one_script(sites: Path) -> None:
    """By their versions, so that no browser keeps an old one."""
    for name in ("index.html", "part/chapter.html", "404.html"):
        document = page(sites / "with" / name)
        asked = [link["href"] for link in document.find_all("link", rel="stylesheet")]
        asked += [script["src"] for script in document.find_all("script", src=True)]
        assert [address.removeprefix("../").partition("?v=")[0] for address in asked] == [
            "_static/styles/site.css",
            "_static/site.js",
        ]
        assert all("?v=" in address for address in asked)
    style = (sites / "with/_static/styles/site.css").read_text("utf-8")
    for part in (".bd-article", 'html[data-theme="dark"] .highlight', "@media print", "fa-magnifying"):
        assert part in style
    assert ".accordion" not in style
    script = (sites / "with/_static/site.js").read_text("utf-8")
    for part in ("DOCUMENTATION_OPTIONS", "SphinxHighlight", "pst-", "dropdown"):
        assert part in script


def test_the_search_page_keeps_its_scripts(sites: Path) -> None:
    """Sphinx's do not wait, so neither may those that they need."""
    document = page(sites / "with/search.html")
    scripts = [script["src"].partition("?")[0] for script in document.find_all("script", src=True)]
    assert "_static/site.js" not in scripts
    assert scripts.index("_static/documentation_options.js") < scripts.index("_static/searchtools.js")
    for script in scripts:
        assert (sites / "with" / script).is_file()


def test_the_same_source_makes_the_same_site(sites: Path) -> None:
    def files(to: str) -> dict[str, bytes]:
        folder = sites / to
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }

    one, other = files("without"), files("again")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name] and ".doctrees" not in name] == []


@pytest.mark.parametrize("variable", ADDRESSES)
def test_what_is_no_address_is_refused(variable: str, tmp_path: Path, root: Path) -> None:
    result = build(tmp_path, root, "html", **{variable: "example.org/course"})
    assert result.returncode != 0
    assert f"{variable} is 'example.org/course'" in result.stderr
    assert "https://example.org/course" in result.stderr
