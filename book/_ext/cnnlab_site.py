"""What a published site has besides its text: light pages, notebooks to take along, links and cards.

Two addresses, both from the environment, since only the one who publishes knows them; without one, what needs
it is left out:

- CNNLAB_SITE, such as https://example.org/course/: sitemap, Open Graph addresses and cards, links of the
  404 page. A site below the root of its host needs it for the 404 page.
- CNNLAB_REPOSITORY, such as https://github.com/owner/name: links to edit a page, to open an issue, and to
  open a chapter in Colab (from the branch gh-pages, where the site is published) and in Binder.

With CNNLAB_BROWSER=1 the build ends in Chromium: it takes still pictures of the figures, for readers without
scripts, and prints the whole book as a PDF, which takes a few minutes.
"""

import os
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import jupytext
import nbformat
from cnnlab_assignments import pack
from docutils import nodes
from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError

# What extensions that Jupyter Book always loads add to every page, for what no page of ours has: cells that
# run on a foreign server, sphinx-design's cards and tabs, and widgets' states: our figures carry theirs.
UNUSED = re.compile("thebe|sphinx-design|design-tabs|widget-state")
# The theme's icons, for which _static/icons.css stands in, and what only browsers' debuggers load.
NOT_ASKED_FOR = ("_static/vendor/fontawesome/**/*", "_static/scripts/fontawesome.*", "_static/**/*.map")
OFFLINE = "cnnlab-book.zip"
INSTALL = """\
# Run this first where the course's package is not installed, as on Colab.
from importlib.util import find_spec

if find_spec("cnnlab") is None:
    %pip install --quiet "cnnlab @ git+{repository}"
"""


def address(variable: str) -> str:
    """An address from the environment, without a slash at its end; empty when there is none."""
    value = os.environ.get(variable, "").strip().rstrip("/")
    if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).netloc):
        raise ConfigError(
            f"{variable} is {value!r}; it must be an address such as https://example.org/course"
        )
    return value


def read_addresses(app: Sphinx, config: Config) -> None:
    """Give Sphinx and the theme what they need to know of them."""
    if config.cnnlab_browser:
        app.tags.add("pdf")  # the first page then links to it
    config.html_context["default_mode"] = "auto"  # the theme's own default is none, and it complains
    if site := address("CNNLAB_SITE"):
        config.html_baseurl = f"{site}/"
    if repository := address("CNNLAB_REPOSITORY"):
        links = {"use_edit_page_button": True, "use_issues_button": True, "use_repository_button": True}
        place = {"repository_url": repository, "repository_branch": "main", "path_to_docs": "book"}
        config.html_theme_options |= links | place


def complete(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Add to a page what its templates and the theme's buttons show."""
    for kind in ("script_files", "css_files"):
        context[kind] = [
            one for one in context[kind] if not UNUSED.search(f"{one.filename} {one.attributes}")
        ]
    if name == "search":
        for script in context["script_files"]:
            script.attributes.pop("defer", None)  # Sphinx's own, on this page, do not wait for them
    if "body" in context:
        # A list whose entries have a role that is no list item: screen readers would count no entries.
        context["body"] = context["body"].replace('<div role="list" class=', "<div class=")
        context["body"] = context["body"].replace(' role="doc-biblioentry"', "")
    context["site_path"] = urlsplit(app.config.html_baseurl or "/").path
    title, text = page_title(app, name), description(doctree)
    cards = {"title": title, "type": "article" if doctree else "website", "site_name": app.config.html_title}
    if text:
        cards["description"] = context["page_description"] = text
    if doctree and app.config.html_baseurl:
        cards["url"] = context["pageurl"] = f"{app.config.html_baseurl}{name}.html"
        cards["image"] = f"{app.config.html_baseurl}{draw_card(app, name, title)}"
    context["cards"] = cards.items()
    if doctree and is_notebook(app, name):
        context["ipynb_source"] = write_notebook(app, name)


@cache
def meanings(env: BuildEnvironment) -> dict[str, str]:
    """What the terms of the glossary mean, by the identifiers that links to them have."""
    if "glossary" not in env.found_docs:
        return {}
    found = {}
    for item in env.get_doctree("glossary").findall(nodes.definition_list_item):
        text = next((" ".join(one.astext().split()) for one in item.findall(nodes.definition)), "")
        text = re.sub(
            r" See(?:[ ,]|and)*\.", "", text
        )  # what was a link to a chapter, and has no words of its own
        found |= {name: text for term in item.findall(nodes.term) for name in term["ids"]}
    return found


def explain_terms(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """A term that leads to the glossary says what it means where the pointer rests on it."""
    for reference in doctree.findall(nodes.reference):
        identifier = reference.get("refuri", "").partition("#")[2] or reference.get("refid", "")
        if identifier.startswith("term-"):
            reference["reftitle"] = meanings(app.env).get(identifier, "")


def load_late(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Images are loaded when a reader comes near them."""
    for image in doctree.findall(nodes.image):
        image["loading"] = "lazy"


def launch(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Buttons that open the chapter elsewhere, in front of the theme's own."""
    repository = address("CNNLAB_REPOSITORY")
    if "github.com" not in repository or not context.get("ipynb_source"):
        return
    owner = urlsplit(repository).path.strip("/")
    notebook = quote(f"_sources/{context['ipynb_source']}")
    places = {
        "Colab": f"https://colab.research.google.com/github/{owner}/blob/gh-pages/{notebook}",
        "Binder": f"https://mybinder.org/v2/gh/{owner}/main?urlpath=lab/tree/book/{quote(name)}.md",
    }
    buttons = [
        {
            "type": "link",
            "url": url,
            "text": place,
            "tooltip": f"Open this chapter in {place}",
            "icon": "fas fa-play",
        }
        for place, url in places.items()
    ]
    group = {"type": "group", "tooltip": "Open elsewhere", "icon": "fas fa-rocket", "label": "launch-buttons"}
    context["header_buttons"].insert(0, group | {"buttons": buttons})


def page_title(app: Sphinx, name: str) -> str:
    title = app.env.titles.get(name)
    return title.astext() if title else str(app.config.html_title)


def description(doctree: Any, most: int = 200) -> str:
    """The beginning of a page's first paragraph, whole words; empty when there is none."""
    paragraphs = doctree.findall(nodes.paragraph) if doctree else iter(())
    text = " ".join(next((one.astext() for one in paragraphs), "").split())
    return text if len(text) <= most else text[:most].rpartition(" ")[0] + " …"


def is_notebook(app: Sphinx, name: str) -> bool:
    return bool(is_myst_markdown_notebook(Path(app.env.doc2path(name)).read_text("utf-8")))


def write_notebook(app: Sphinx, name: str) -> str:
    """A chapter as a Jupyter notebook without outputs; its name below _sources."""
    notebook = jupytext.read(app.env.doc2path(name))
    if repository := address("CNNLAB_REPOSITORY"):
        notebook.cells.insert(0, nbformat.v4.new_code_cell(INSTALL.format(repository=repository)))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # drawn at random otherwise: two builds would differ
    file = Path(app.outdir) / "_sources" / f"{name}.ipynb"
    file.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, file)
    return f"{name}.ipynb"


def draw_card(app: Sphinx, name: str, title: str) -> str:
    """The picture that is shown where somebody posts a link to the page; its path on the site."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="#14213d")
    figure.text(0.07, 0.62, title, color="white", size=44, weight="bold", wrap=True, va="center")
    figure.text(0.07, 0.14, str(app.config.html_title), color="#fca311", size=24)
    path = Path("_static/cards") / f"{name.replace('/', '-')}.png"
    (Path(app.outdir) / path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(Path(app.outdir) / path)
    return path.as_posix()


def further_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    yield "404", {"title": "This page does not exist"}, "404.html"


def use_browser(app: Sphinx, exception: Exception | None) -> None:
    """Add what only a browser can make of the pages."""
    if exception or app.builder.format != "html" or not app.config.cnnlab_browser:
        return
    from playwright.sync_api import sync_playwright  # most builds do without
    from print_book import PDF, parts, print_book
    from stills import add_stills

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        raise ConfigError("CNNLAB_BROWSER=1 needs a Chromium browser, such as: apt-get install chromium")
    out = Path(app.outdir)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        add_stills(browser, out, [name for _, group in parts() for name in group])
        print_book(browser, out, out / PDF)
        browser.close()


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Write what lists or contains all pages."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    if app.config.html_baseurl:
        pages = sorted(app.env.found_docs)
        urls = [f"<url><loc>{escape(f'{app.config.html_baseurl}{name}.html')}</loc></url>" for name in pages]
        lines = ["<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>", *urls, "</urlset>"]
        (out / "sitemap.xml").write_text("\n".join(["<?xml version='1.0' encoding='utf-8'?>", *lines, ""]))
    for path in (one for pattern in NOT_ASKED_FOR for one in out.glob(pattern) if one.is_file()):
        path.unlink()
    files = (path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    # Not itself, nor the PDF; what begins with a dot is Sphinx's own.
    names = [name for name in files if not name.startswith((".", Path(OFFLINE).stem))]
    content = [(name, (out / name).read_bytes()) for name in names]
    pack(out / OFFLINE, content)


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("bundles")
    app.add_config_value("cnnlab_site_code", Path(__file__).read_text("utf-8"), "html")  # as for the style
    app.add_config_value(
        "cnnlab_browser", os.environ.get("CNNLAB_BROWSER") == "1", "html"
    )  # a change rewrites the pages
    app.connect("config-inited", read_addresses)
    app.connect("doctree-resolved", load_late)
    app.connect("doctree-resolved", explain_terms)
    app.connect("html-page-context", complete)
    app.connect("html-page-context", launch, priority=502)  # after the theme's
    app.connect("html-collect-pages", further_pages)
    app.connect("build-finished", use_browser, priority=700)  # the pages have their style
    app.connect("build-finished", finish, priority=800)  # packs the offline copy
    return {"parallel_read_safe": True, "parallel_write_safe": True}
