"""One style and one script for every page, instead of twenty files of Sphinx, the theme and the extensions.

Before it shows the first word a browser reads all styles; each file costs it a request, each rule a look at
every element. Most of the theme's 400 kB apply to nothing here: a rule goes when each of its selectors asks
for a class or an identifier that is no word of any page or script. What a script adds to a page later keeps
its rules as long as the script, or a page, says the name in one piece.

The search page keeps its scripts apart: Sphinx's own, on that page only, do not wait for the text.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tinycss2
from sphinx.application import Sphinx

STYLE, SCRIPT = "_static/styles/site.css", "_static/site.js"
# What the theme's templates ask for: its styles before Sphinx's, its scripts after.
THEME_STYLES = ("_static/styles/theme.css", "_static/styles/pydata-sphinx-theme.css")
THEME_SCRIPTS = ("_static/scripts/bootstrap.js", "_static/scripts/pydata-sphinx-theme.js")
# In the theme's style: its icon font, loaded now and then, and what each of its 1,900 icons is.
ICONS = re.compile(r"@font-face\{[^}]*Font Awesome[^}]*\}|(?:\.fa-[\w-]+:{1,2}before,?)+\{[^}]*\}")
IMPORT = (
    '@import "../basic.css";'  # in the theme's style; a file that asks for another one is waited for twice
)

NAME = re.compile(r"[\w-]+")
NAMED = re.compile(r"[.#]((?:[\w-]|\\.)+)")
STRING = re.compile(r"\"[^\"]*\"|'[^']*'")
BRACKETS = re.compile(r"\[[^][]*\]|\([^()]*\)")  # an attribute; :not(…), :is(…), which may also hold without
GROUPS = {"media", "supports", "layer", "container"}

_asked: dict[str, list[str]] = {"styles": [], "scripts": []}  # by the pages that were written, in their order


def forget(app: Sphinx) -> None:
    """What another build in this process has asked for."""
    for files in _asked.values():
        files.clear()


def bundle(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Take a page's files out of it; the template asks for the bundles (_templates/static)."""
    _take("styles", context, "css_files")
    if name != "search":
        _take("scripts", context, "script_files")


def _take(kind: str, context: dict[str, Any], files: str) -> None:
    taken = [one for one in context[files] if one.filename]
    context[files] = [one for one in context[files] if not one.filename]
    _asked[kind] += [str(one.filename) for one in taken if one.filename not in _asked[kind]]


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the bundles, in the place of what is in them."""
    if exception or app.builder.format != "html" or not _asked["styles"]:  # no page was written
        return
    out = Path(app.outdir)
    scripts = [out / name for name in (*_asked["scripts"], *THEME_SCRIPTS)]
    # Each on lines of its own: the last one of a file may be a comment.
    (out / SCRIPT).write_text("\n;\n".join(path.read_text("utf-8") for path in scripts), "utf-8")
    styles = [out / name for name in (*THEME_STYLES, *_asked["styles"])]
    text = "\n".join(_style(path, out) for path in styles)
    files = [path for pattern in ("*.html", "*.js") for path in out.rglob(pattern)]
    names = {name for path in files for name in NAME.findall(path.read_text("utf-8"))}
    (out / STYLE).write_text(lean(text, names), "utf-8")
    for path in styles:
        path.unlink()
    for path in out.rglob("*.html"):
        page = path.read_text("utf-8")
        for name in (STYLE, SCRIPT):
            version = hashlib.blake2b((out / name).read_bytes(), digest_size=4).hexdigest()
            page = re.sub(rf'{re.escape(name)}(\?v=\w+)?"', f'{name}?v={version}"', page)
        path.write_text(page, "utf-8")


def _style(path: Path, out: Path) -> str:
    text = ICONS.sub("", path.read_text("utf-8"))
    if IMPORT in text:
        text = text.replace(IMPORT, _style(out / "_static/basic.css", out))
    if path.parent != (out / STYLE).parent:  # addresses count from the file that they stand in
        text = re.sub(r"url\((?![\"']?(?:data:|#))([\"']?)", r"url(\1../", text)
    return text.replace('@charset "UTF-8";', "")


def lean(style: str, names: Iterable[str]) -> str:
    """A style without the rules that need other names than these."""
    return _lean(tinycss2.parse_stylesheet(style, skip_whitespace=True), frozenset(names))


def _lean(rules: list[Any], names: frozenset[str]) -> str:
    kept = []
    for rule in rules:
        text = rule.serialize()
        if rule.type == "comment":
            text = text if rule.value.startswith("!") else ""  # whose work it is, and the licence
        elif rule.type == "qualified-rule":
            text = text if _applies(tinycss2.serialize(rule.prelude), names) else ""
        elif rule.type == "at-rule" and rule.content and rule.lower_at_keyword in GROUPS:
            within = _lean(tinycss2.parse_rule_list(rule.content, skip_whitespace=True), names)
            head = f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}"
            text = f"{head}{{{within}}}" if within else ""
        kept.append(text)
    return "".join(kept)


def _applies(selectors: str, names: frozenset[str]) -> bool:
    plain = STRING.sub("", selectors)
    while plain != (plain := BRACKETS.sub("", plain)):
        pass
    return any(
        all("\\" in name or name in names for name in NAMED.findall(selector))
        for selector in plain.split(",")
    )


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", forget)
    app.connect("html-page-context", bundle, priority=900)  # after everybody who adds a file
    app.connect("build-finished", write, priority=600)  # after the theme has written the colours of code
    return {"parallel_read_safe": True, "parallel_write_safe": False}
