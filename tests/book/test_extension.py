"""The book's own Sphinx extension: formulas that cannot be converted are reported, never silently wrong."""

import configparser
import importlib.util
from pathlib import Path
from types import ModuleType

import pydata_sphinx_theme
import pytest
import yaml
from docutils import nodes
from myst_nb.core.render import get_mime_priority
from pygments.styles import get_style_by_name
from pygments.token import Keyword, Operator, Text


@pytest.fixture(scope="module")
def extension(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("cnnlab_book", root / "book" / "_ext" / "cnnlab_book.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_becomes_plain_text_looks_like_it(extension: ModuleType) -> None:
    """In both of the theme's styles, and an operator does not."""
    theme = configparser.ConfigParser()
    theme.read(Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/theme.conf")
    for kind in ("light", "dark"):
        style = get_style_by_name(theme["options"][f"pygments_{kind}_style"])
        assert all(style.style_for_token(one) == style.style_for_token(Text) for one in extension.PLAIN)
        assert style.style_for_token(Operator) != style.style_for_token(Text)


def test_no_letter_of_a_program_is_lost(extension: ModuleType) -> None:
    source = "import numpy as np\n%matplotlib inline\nx = {'a': f\"{1:.2f}\"}  # äé\n!ls\n"
    tokens = list(extension.PlainLexer().get_tokens(source))
    assert "".join(text for _, text in tokens) == source
    assert {kind for kind, _ in tokens} & extension.PLAIN == set()
    assert (Keyword.Namespace, "import") in tokens


def test_a_formula_becomes_mathml(extension: ModuleType) -> None:
    result = extension.mathml(nodes.math("", r"\frac{1}{2}"), block=False)
    assert "<mfrac>" in result


@pytest.mark.parametrize("tex", [r"\nosuchcommand", r"\frac12 x", r"\tfrac14(w_1 + w_2)", r"\dfrac{1"])
def test_a_formula_that_cannot_be_converted_is_a_warning(
    extension: ModuleType, tex: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(
        extension.logger, "warning", lambda message, *parts, **_: seen.append(message % parts)
    )
    extension.mathml(nodes.math("", tex), block=False)
    assert len(seen) == 1
    assert "cannot convert the formula" in seen[0]


@pytest.mark.parametrize(
    ("text", "reported"),
    [('<script type="application/vnd.jupyter.widget-view+json">{}</script>', 1), ("<div></div>", 0)],
)
def test_a_widget_that_needs_a_kernel_is_a_warning(
    extension: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str, reported: int
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(extension.logger, "warning", lambda message, **_: seen.append(message))
    document = nodes.container("", nodes.raw("", text, format="html"))
    extension.report_dead_widgets(None, document, "chapter")
    assert len(seen) == reported


def test_a_figure_of_ours_is_shown_as_html_and_another_widget_as_its_view(root: Path) -> None:
    config = yaml.safe_load((root / "book/_config.yml").read_text())["sphinx"]["config"]
    order = get_mime_priority("html", config["nb_mime_priority_overrides"])
    kinds = ("text/html", "application/vnd.jupyter.widget-view+json", "text/plain")
    assert sorted(kinds, key=order.index) == list(kinds)


def test_the_fingerprint_follows_the_code_but_not_the_grading(
    extension: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "cnnlab"
    (package / "grading").mkdir(parents=True)
    (package / "plots.py").write_text("A = 1")
    (package / "grading" / "desk.py").write_text("B = 1")
    monkeypatch.setattr(extension, "ROOT", tmp_path)
    before = extension.fingerprint()
    (package / "grading" / "desk.py").write_text("B = 2")
    assert extension.fingerprint() == before
    (package / "plots.py").write_text("A = 2")
    assert extension.fingerprint() != before
