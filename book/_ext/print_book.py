"""The whole book as one PDF, printed by Chromium from the built pages: title, contents, chapters.

Interactive figures are printed as they look before anybody has touched them, without their controls, and
answers to questions unfolded. Printed twice: the first time tells on which page each chapter begins.
"""

from collections.abc import Container
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser
from pypdf import PdfReader

BOOK = Path(__file__).parents[1]
PDF = "cnnlab-book.pdf"
# What is for the screen only.
SCREEN = ".headerlink, .copybtn, noscript, .toggle-button"
STYLE = """
@page { size: A4; margin: 22mm 20mm 20mm; }
html { font-size: 10.5pt; }
body { background: white; display: block; }
.onlyprint, .cnnlab-figure :is(button, input, select, label) { display: none !important; }
main > article, main > section { break-before: page; }
h1, h2, h3, figcaption { break-after: avoid; }
figure, .admonition, div.cell_input, table, .cnnlab-figure, div.math { break-inside: avoid; }
div.cell_output { break-inside: auto; }
img { max-height: 200mm; }
pre { white-space: pre-wrap; }
.title { break-after: page; padding-top: 70mm; text-align: center; }
.title h1 { font-size: 30pt; }
.part { font-weight: bold; margin: 1.2em 0 .3em; }
.contents p { display: flex; line-height: 1.35; margin: .1em 0; }
.contents a { color: inherit; flex: 1; text-decoration: none; }
"""
FOOTER = (
    "<div style='font-size:8pt;width:100%;text-align:center;font-family:sans-serif'>"
    "<span class='pageNumber'></span></div>"
)


def parts() -> list[tuple[str, list[str]]]:
    """The captions of the parts and the pages in each, the first page in a part without one."""
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text("utf-8"))
    rest = [(part["caption"], [one["file"] for one in part["chapters"]]) for part in contents["parts"]]
    return [("", [contents["root"]]), *rest]


def place(name: str, fragment: str = "") -> str:
    """The identifier that a place of a page has in the one document."""
    return "--".join(part for part in (name.replace("/", "-"), fragment) if part)


def chapter(html: Path, name: str, names: list[str]) -> Tag:
    """A page's text, with links and identifiers that are unique and lead to places within the document."""
    page = BeautifulSoup((html / f"{name}.html").read_text("utf-8"), "html.parser")
    article = page.find("article")
    assert isinstance(article, Tag)
    for tag in article.select(SCREEN):
        tag.decompose()
    for fold in article.select(".dropdown, .toggle"):
        fold["class"] = [one for one in fold["class"] if one not in {"dropdown", "toggle"}]
    for fold in article.find_all("details"):  # code that a reader of the screen may unfold
        fold.decompose()
    folder = (html / name).parent
    for tag in article.find_all(True):
        if tag.get("id"):
            old, tag["id"] = tag["id"], place(name, tag["id"])
            for script in article.find_all("script"):
                if script.string and f'"{old}"' in script.string:
                    script.string = script.string.replace(f'"{old}"', f'"{tag["id"]}"')
        if tag.name == "img":
            tag["src"] = (folder / tag["src"]).resolve().relative_to(html).as_posix()
            tag["loading"] = "eager"
        if tag.name == "a" and tag.get("href"):
            address = urlsplit(tag["href"])
            if not address.scheme and not address.netloc:
                target = (folder / address.path).resolve() if address.path else (html / f"{name}.html")
                other = target.relative_to(html).with_suffix("").as_posix() if html in target.parents else ""
                if other in names:
                    tag["href"] = f"#{place(other, address.fragment)}"
                else:
                    del tag["href"]  # a download, of which paper has none
    article["id"] = place(name)
    return article


def document(html: Path, names: list[str], numbers: dict[str, int]) -> str:
    """Chapters as one page of HTML, with the page numbers known so far in the contents."""
    chapters = {name: chapter(html, name, names) for name in names}
    lines = []
    for caption, group in parts():
        group = [name for name in group if name in names]
        lines.append(f"<p class='part'>{escape(caption)}</p>" if caption and group else "")
        for name in group:
            heading = chapters[name].find("h1")
            title = escape(heading.get_text() if heading else name)
            number = numbers.get(name, "")
            lines.append(f"<p><a href='#{place(name)}'>{title}</a><span>{number}</span></p>")
    styles = sorted(html.glob("_static/styles/*.css")) + [
        html / "_static" / file for file in ("pygments.css", "book.css")
    ]
    styles += sorted(html.glob("_static/mystnb*.css"))
    links = "".join(f"<link rel='stylesheet' href='{path.relative_to(html).as_posix()}'>" for path in styles)
    title = yaml.safe_load((BOOK / "_config.yml").read_text("utf-8"))["title"]
    return (
        "<!doctype html><html lang='en' data-theme='light' data-mode='light'><head><meta charset='utf-8'>"
        f"<title>{title}</title>{links}<style>{STYLE}</style></head><body><main class='bd-content'>"
        f"<div class='title'><h1>{title}</h1>"
        "<p>Regularization, preprocessing and hyperparameter tuning</p></div>"
        f"<section class='contents'><h1>Contents</h1>{''.join(lines)}</section>"
        f"{''.join(map(str, chapters.values()))}</main></body></html>"
    )


def printed(browser: Browser, html: Path, text: str, to: Path) -> PdfReader:
    """Print a document whose resources lie in the site's folder."""
    source = html / "_print.html"
    source.write_text(text, "utf-8")
    try:
        page = browser.new_page(reduced_motion="reduce")
        page.set_default_timeout(300_000)
        page.goto(source.as_uri(), wait_until="load")
        page.wait_for_function("() => [...document.images].every((one) => one.complete)")
        page.pdf(
            path=to, format="A4", prefer_css_page_size=True, print_background=True, outline=True, tagged=True,
            display_header_footer=True, header_template="<span></span>", footer_template=FOOTER,
        )  # fmt: skip
        page.close()
    finally:
        source.unlink()
    return PdfReader(to)


def starts(reader: PdfReader, count: int) -> list[int]:
    """On which page, from 1, each of the chapters begins: they are the outline's last entries."""
    top = [entry for entry in reader.outline if not isinstance(entry, list)]
    return [int(reader.get_destination_page_number(entry) or 0) + 1 for entry in top[-count:]]


def print_book(browser: Browser, html: Path, to: Path, wanted: Container[str] | None = None) -> None:
    """Write the PDF of the site in the folder `html`; of the wanted pages only, when told."""
    names = [name for _, group in parts() for name in group if wanted is None or name in wanted]
    begin = starts(printed(browser, html, document(html, names, {}), to), len(names))
    printed(browser, html, document(html, names, dict(zip(names, begin, strict=True))), to)
