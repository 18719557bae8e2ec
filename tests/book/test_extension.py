"""The book's own Sphinx extension: formulas that cannot be converted are reported, never silently wrong."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from docutils import nodes


@pytest.fixture(scope="module")
def extension(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("cnnlab_book", root / "book" / "_ext" / "cnnlab_book.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
