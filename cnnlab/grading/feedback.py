"""Pages in which nothing of a student's can act, however it got into the notebook.

nbgrader writes a feedback page; here its exporter is replaced. Two walls: what comes out of a notebook is
cleaned by bleach (no script, style sheet, SVG, frame, form, event handler or outside address in an output;
images only as embedded PNG, JPEG or GIF), and the page forbids the browser to run or load anything
(Content-Security-Policy). The price is that formulas are shown as TeX. Not covered: what a text says.
The page on which the instructor reads an answer, the formgrader's, needs its own scripts: there is only the
first wall. nbconvert's `sanitize_html` is not enough for it: nbgrader's template cleans no text.
"""

import functools
import html
import re
import shutil
from pathlib import Path
from typing import Any

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import BytecodeCache, Environment, pass_context
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML, ansi2html, strip_files_prefix
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from traitlets import Unicode

from cnnlab.grading.room import (
    NOT_SHOWN,
    Room,
    as_written,
    code_weight,
    colours_weight,
    html_weight,
    text_weight,
    without_colours,
)
from cnnlab.grading.told import verdict_once, with_points

# Where the chapters are that the checks name.
CHAPTERS = {
    "Augmentation that keeps labels true": "preprocessing/augmentation.html",
    "Dropout": "regularization/dropout.html",
    "Batch normalization": "regularization/batch_norm.html",
    "Local response normalization": "regularization/local_response_norm.html",
    "Label smoothing": "regularization/label_smoothing.html",
    "Searching hyperparameters": "tuning/searching.html",
}
CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
_HEAD = (
    f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">'
    '<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width">'
    # The template takes all room out of tables.
    "<style>.rendered_html :is(th, td) { padding: .25em 1em .25em 0; vertical-align: top }"
    # On a phone, points go into a line of their own, and a wide table scrolls by itself.
    "div#notebook div.nbgrader_cell .panel-heading { height: auto; overflow: hidden }"
    "div#notebook :is(.output_subarea, .input_area) { overflow-x: auto; max-width: 100% }"
    "@media (max-width: 600px) { div#notebook div.prompt { display: none }"
    " div#notebook-container { padding: 0 } .container { padding: 0 4px } }</style>"
)
_TAGS = {
    *(
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
    ),
    *(
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "small",
        "span",
    ),
    *("strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
_ATTRIBUTES = {
    *("align", "alt", "aria-hidden", "aria-label", "border", "colspan", "height", "role", "rowspan", "scope"),
    *("start", "style", "title", "width"),
}
_STYLES = [
    *("background", "background-color", "border", "border-bottom", "border-collapse", "border-left", "color"),
    *(
        "font-style",
        "font-weight",
        "height",
        "margin",
        "max-width",
        "padding",
        "text-align",
        "vertical-align",
        "width",
    ),
]
_PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
_ACTING = re.compile(
    r"<(script|style|svg|iframe|object|math|template|noscript|title)\b.*?(</\1\s*>|$)", re.I | re.S
)
# Most of a page is on every page of the assignment; answers, which are not, may fill up the rest.
MOST_TEXTS = 256
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_PICTURES = ("image/png", "image/jpeg", "image/gif")


def _output_attribute(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name == "src":
        return _PICTURE.fullmatch(value) is not None
    if name == "style" and ("\\" in value or re.search(r"(?<!rgb)\(", value)):
        return False  # url(…), however it is written
    return name in _ATTRIBUTES


def _text_attribute(tag: str, name: str, value: str) -> bool:
    """In text a link may lead out; following it is the reader's decision."""
    return (tag == "a" and name == "href") or _output_attribute(tag, name, value)


# Each style is read once: a table has many cells and few styles.
_styles = CSSSanitizer(allowed_css_properties=_STYLES)
_styles.sanitize_css = functools.lru_cache(MOST_TEXTS)(_styles.sanitize_css)


def _cleaner(attributes: Any) -> bleach.Cleaner:
    return bleach.Cleaner(
        tags=_TAGS,
        attributes=attributes,
        protocols={"http", "https", "data"},
        strip=True,
        css_sanitizer=_styles,
    )


_output, _text = _cleaner(_output_attribute), _cleaner(_text_attribute)


def clean_output(markup: str, room: Room | None = None) -> str:
    """HTML that a cell displayed, without what acts or leads outside; a sentence if it is too much."""
    return _cleaned(_output, markup, room)


def clean_text(markup: str, room: Room | None = None) -> str:
    """HTML made of Markdown, likewise; links with `http` stay."""
    cleaned = _cleaned(_text, markup, room)
    return re.sub(r'href="data:[^"]*"', "", cleaned).replace("<a href=", '<a rel="noopener noreferrer" href=')


def _cleaned(cleaner: bleach.Cleaner, markup: str, room: Room | None) -> str:
    markup = _ACTING.sub("", markup)
    if not (room or Room()).takes(html_weight(markup)):
        return NOT_SHOWN
    try:
        return str(cleaner.clean(markup))
    except RecursionError:  # of brackets in a style
        return NOT_SHOWN


def clean_formgrader_text(markup: str) -> str:
    """The last filter of a text in the formgrader's template, `strip_files_prefix`, and clean."""
    return clean_text(strip_files_prefix(markup))


class InertOutputs(Preprocessor):  # type: ignore[misc]
    """The outputs of a notebook before the formgrader shows them."""

    enabled = True

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        room = Room()
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = [_inert(output, room) for output in cell.outputs]
        return nb, resources


class PageAlone(Preprocessor):  # type: ignore[misc]
    """Takes away what nbgrader copies beside a page: files of the student's, which nobody has made inert."""

    enabled = True

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        course, names = self.parent.parent.coursedir, resources["nbgrader"]
        pages = {f"{Path(notebook).stem}.html" for notebook in self.parent.parent.notebooks}
        folder = Path(course.format_path(course.feedback_directory, names["student"], names["assignment"]))
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in pages:
                path.unlink()
        return nb, resources


class _Compiled(BytecodeCache):
    """Templates that this process has compiled; every page has an environment of its own."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.code


_compiled = _Compiled()
_texts: dict[str, str] = {}


class InertExporter(HTMLExporter):  # type: ignore[misc]
    """nbgrader's feedback page, inert."""

    room = Room()  # a new one for every page
    book = Unicode("", help="the address of the course book, for links to its chapters").tag(config=True)

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()
        environment.bytecode_cache = _compiled
        return environment

    def from_notebook_node(self, nb: Any, resources: Any = None, **keywords: Any) -> tuple[str, Any]:
        nb, self.room = NotebookNode(nb), Room()
        nb.cells = list(map(NotebookNode, nb.cells))  # what is changed here is not the caller's
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = [_inert(output, self.room) for output in verdict_once(cell)]
        self.register_filter("highlight_code", self._highlighted)
        self.register_filter("ansi2html", self._in_colours)
        # Not by way of HTMLExporter: it reads the finished page again, for JupyterLab's template, which
        # this is not, and that takes longer than writing it.
        resources = self._init_resources(resources)
        types = WidgetsDataTypeFilter(notebook_metadata={}, parent=self, resources=resources)
        self.register_filter("filter_data_type", types)
        page, resources = super(HTMLExporter, self).from_notebook_node(nb, resources, **keywords)
        page = with_points(without_scripts(page), resources.get("nbgrader", {}))
        return with_links(with_texts(page), self.book), resources

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """The filter that turns every text of the page into HTML."""
        if source in _texts:
            return _texts[source]
        if not self.room.takes(text_weight(source)):
            return as_written(source)
        text = clean_text(super().markdown2html(context, source), self.room)
        if text == NOT_SHOWN:
            return as_written(source)
        if not context.get("cell", {}).get("attachments") and len(_texts) < MOST_TEXTS:
            _texts[source] = text
        return text

    def _highlighted(self, source: str, language: str | None = None, metadata: Any = None) -> str:
        """The filter that colours code, without a look at what the notebook says its language is."""
        return _coloured(source) if self.room.takes(code_weight(source)) else as_written(source)

    def _in_colours(self, text: str) -> str:
        """The filter that shows what was written to a terminal."""
        fits = self.room.takes(colours_weight(text))
        return str(ansi2html(text if fits else without_colours(text)))


@functools.lru_cache(MOST_TEXTS)
def _coloured(source: str) -> str:
    return str(Highlight2HTML(pygments_lexer="ipython3")(source))


def with_texts(page: str) -> str:
    """The page with a text for every picture that has none."""
    return re.sub(r"<img(?![^>]*\balt=)", '<img alt="No description has been provided for this image"', page)


def without_scripts(page: str) -> str:
    """The page with the policy in its head, and without the scripts that the template puts there."""
    page = re.sub(r"<script\b.*?</script\s*>|<link\b[^>]*>", "", page, flags=re.I | re.S)
    return re.sub(r"(<head[^>]*>)", lambda match: match[1] + _HEAD, page, count=1)


def with_links(page: str, book: str) -> str:
    """The checks' references to chapters as links, if it is known where the book is."""
    if not book.startswith(("https://", "http://", "file://", "/")):
        return page
    for title, place in CHAPTERS.items():
        address = html.escape(f"{book.rstrip('/')}/{place}")
        for quote in ('"', "&quot;", "&#34;"):
            words = f"the chapter {quote}{title}{quote}"
            page = page.replace(words, f'<a rel="noopener noreferrer" href="{address}">{words}</a>')
    return page


def _inert(output: Any, room: Room) -> Any:
    """An output with what can be shown safely; what cannot is named."""
    if output.output_type not in ("display_data", "execute_result"):
        return output
    kept: dict[str, Any] = {}
    for kind, content in output.data.items():
        text = "".join(content) if isinstance(content, list) else content
        if not isinstance(text, str):
            continue
        if kind == "text/plain" or (kind in _PICTURES and _BASE64.fullmatch(text)):
            kept[kind] = text
        elif kind == "text/html":
            kept[kind] = clean_output(text, room)
    kept.setdefault(
        "text/plain", f"(an output that is not shown here: {', '.join(sorted(map(str, output.data)))})"
    )
    return NotebookNode(output, data=kept, metadata={})
