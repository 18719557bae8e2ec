"""What the book needs from Sphinx and MyST does not offer.

- Formulas become MathML when the book is built, so a page needs no script for them.
- Results are cached per version of the code that produced them: changing `cnnlab` runs the chapters again.
- {assignment}`name` links to the notebook students get, when it has been generated.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole
from sphinx.util.math import get_node_equation_number

ROOT = Path(__file__).parents[2]
# What a chapter's numbers and figures depend on, besides its own text.
LIBRARIES = ("anywidget", "matplotlib", "mlxtend", "numpy", "pandas", "scikit-learn", "scipy", "torch")

logger = logging.getLogger(__name__)


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


class Assignment(SphinxRole):
    """The notebook of an assignment: a download when it exists, its path in the course folder when not."""

    def run(self) -> tuple[Sequence[nodes.Node], Sequence[nodes.system_message]]:
        path = f"exercises/{self.text}/{self.text}.ipynb"
        literal = nodes.literal(path, path)
        if not (ROOT / path).exists():
            return [literal], []
        link = addnodes.download_reference(path, "", reftarget=f"/../{path}", refdoc=self.env.docname)
        link += literal
        return [link], []


def setup(app: Sphinx) -> dict[str, bool]:
    os.environ["CNNLAB_QUIET"] = "1"  # no progress lines among the outputs
    app.add_config_value("cnnlab_fingerprint", fingerprint(), "env")
    style = Path(__file__).parents[1] / "_static" / "book.css"
    app.add_config_value("cnnlab_style", style.read_text("utf-8"), "html")  # a change rewrites the pages
    app.connect("config-inited", separate_caches)
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.add_role("assignment", Assignment())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
