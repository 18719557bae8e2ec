"""What the book needs from Sphinx and MyST does not offer.

- Formulas become MathML when the book is built, so a page needs no script for them.
- What is coloured like plain text is plain text, without an element of its own: a quarter of a page less.
- Results are cached per version of the code that produced them: changing `cnnlab` runs the chapters again.
- A widget that needs a kernel is reported: on a page it would look alive and be dead.
- Chapters that have to run do so side by side, one on each core, before Sphinx reads them one by one.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib import metadata
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from ipython_pygments_lexers import IPython3Lexer
from jupyter_cache import get_cache
from jupyter_cache.cache.db import NbProjectRecord
from jupyter_cache.executors import load_executor
from myst_nb.core.read import is_myst_markdown_notebook
from pygments.token import Name, Punctuation, Text, Whitespace
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

ROOT = Path(__file__).parents[2]
# What a chapter's numbers and figures depend on, besides its own text.
LIBRARIES = ("anywidget", "matplotlib", "mlxtend", "numpy", "pandas", "scikit-learn", "scipy", "torch")
# They have the colour of plain text in the theme's styles, light and dark (a test looks).
PLAIN = {Name, Name.Namespace, Punctuation, Whitespace}
KERNEL_VIEW = "application/vnd.jupyter.widget-view+json"

logger = logging.getLogger(__name__)


class PlainLexer(IPython3Lexer):  # type: ignore[misc]
    """IPython's, for which what looks like plain text is plain text."""

    def get_tokens_unprocessed(self, *args: Any, **kwargs: Any) -> Iterator[tuple[int, Any, str]]:
        for place, kind, text in super().get_tokens_unprocessed(*args, **kwargs):
            yield place, Text if kind in PLAIN else kind, text


def fingerprint() -> str:
    """A short hash of the package's code, grading left out, and of the versions of the libraries under it."""
    digest = hashlib.blake2b(digest_size=8)
    package = ROOT / "cnnlab"
    for path in sorted(package.rglob("*")):
        if path.suffix in {".py", ".js", ".css"} and "grading" not in path.relative_to(package).parts:
            digest.update(str(path.relative_to(package)).encode() + path.read_bytes())
    digest.update(" ".join(metadata.version(name) for name in LIBRARIES).encode())
    return digest.hexdigest()


def separate_caches(app: Sphinx, config: Config) -> None:
    """Keep the results of each version of the code in a cache of their own."""
    build = Path(app.outdir).parent
    config.nb_execution_cache_path = str(build / ".jupyter_cache" / config.cnnlab_fingerprint)


def execute_side_by_side(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Run the chapters that have changed, so that MyST-NB finds their results in the cache.

    One chapter uses one core, or all of them when it is the only one. A chapter that fails is not cached:
    MyST-NB runs it again and reports the error.
    """
    folder = app.config.nb_execution_cache_path
    cache = get_cache(folder)
    for name in names:
        path = Path(env.doc2path(name))
        if is_myst_markdown_notebook(path.read_text("utf-8")):
            cache.add_nb_to_project(str(path), read_data={"type": "plugin", "name": "myst_nb_md"})
    # Longest first, so that no core is left with a long one at the end; the length of the text is a guess.
    records = sorted(cache.list_unexecuted(), key=lambda record: -Path(record.uri).stat().st_size)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for variable in (
        "CNNLAB_JOBS",
        "LOKY_MAX_CPU_COUNT",
    ):  # the second is joblib's, for chapters that use it themselves
        os.environ.setdefault(variable, str(max(1, cores // max(1, len(records)))))

    def execute(record: NbProjectRecord) -> tuple[str, bool, float]:
        executor = load_executor("local-serial", get_cache(folder))
        result = executor.run_and_cache(filter_pks=[record.pk], timeout=app.config.nb_execution_timeout)
        kept = get_cache(folder).get_cached_project_nb(record.uri) if result.succeeded else None
        return record.uri, kept is not None, kept.data.get("execution_seconds", 0.0) if kept else 0.0

    with ThreadPoolExecutor(cores) as pool:
        running = [pool.submit(execute, record) for record in records]
        for number, one in enumerate(as_completed(running), 1):
            path, succeeded, seconds = one.result()
            ending = f"in {seconds:.0f} s" if succeeded else "failed; it is run again, for the error"
            logger.info("executed %d of %d: %s %s", number, len(records), Path(path).stem, ending)


def mathml(node: nodes.Element, *, block: bool) -> str:
    """The formula of a math node as MathML; a formula that cannot be converted is a warning."""
    tex = node.astext().strip()
    try:
        if re.search(r"frac\s*\d\d", tex):
            raise MathError("the converter reads \\frac12 as 12 over what follows; write \\frac{1}{2}")
        if tex.count("{") != tex.count("}"):
            raise MathError("the braces do not match")
        return str(tex2mathml(tex, as_block=block))
    except MathError as error:
        logger.warning("cannot convert the formula %r: %s", tex, error, location=node)
        return "<math></math>"


def report_dead_widgets(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """A widget that only a kernel could bring to life is a warning."""
    for node in doctree.findall(nodes.raw):
        if KERNEL_VIEW in node.astext():
            logger.warning(
                "a widget that needs a kernel would be dead here; show a figure of cnnlab.widgets instead",
                location=name,
            )


def visit_inline(self: Any, node: nodes.math) -> None:
    self.body.append(mathml(node, block=False))
    raise nodes.SkipNode


def visit_block(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append(mathml(node, block=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    os.environ["CNNLAB_QUIET"] = "1"  # no progress lines among the outputs
    app.add_config_value("cnnlab_fingerprint", fingerprint(), "env")
    style = Path(__file__).parents[1] / "_static" / "book.css"
    app.add_config_value("cnnlab_style", style.read_text("utf-8"), "html")  # a change rewrites the pages
    app.add_lexer("ipython3", PlainLexer)
    app.connect("config-inited", separate_caches)
    app.connect("env-before-read-docs", execute_side_by_side)
    app.connect("doctree-resolved", report_dead_widgets)
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
