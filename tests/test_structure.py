"""The shape of the house: what may import what, what the light core needs, and what must never be in git."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()
EXTRAS = ("nbgrader", "jupyter_book", "optuna", "jupytext", "jupyterlab")
# What each part of the package may import of the others.
ALLOWED = {
    "errors": set(),
    "cells": set(),
    "reference": set(),
    "check": {"errors", "reference"},
    "data": {"errors"},
    "models": {"errors"},
    "training": {"errors", "data", "models"},
    "experiments": {"errors", "data", "models", "training"},
    "plots": {"errors", "data", "models", "training", "experiments"},
    "tuning": {"errors", "data", "models", "training", "experiments"},
    "widgets": {"errors", "data", "plots", "training"},
    "grading": {"errors", "cells", "check", "reference"},
    "desk": {"errors", "cells", "check"},
    "cli": {"errors", "cells", "desk", "grading", "training"},
}


def room(path: Path) -> str:
    """The part of the package that a file belongs to."""
    return path.relative_to(ROOT / "cnnlab").parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("cnnlab.")} - {"__version__"}


@pytest.mark.parametrize(
    "path", sorted((ROOT / "cnnlab").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT))
)
def test_imports_point_one_way(path: Path) -> None:
    if path.parent == ROOT / "cnnlab" and path.stem == "__init__":
        return
    own = room(path)
    assert imported(path) - {own} <= ALLOWED[own]


def test_the_core_works_without_the_extras() -> None:
    """Import every module of the students' side with the instructors' packages out of reach."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / "cnnlab").rglob("*.py"))
        if room(path) != "grading"
    ]
    program = (
        "import importlib, sys\n"
        f"for name in {EXTRAS!r}: sys.modules[name] = None\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_core_names_none_of_the_instructors_packages() -> None:
    core = " ".join(PROJECT["dependencies"])
    assert not re.search("nbgrader|jupyter-book|optuna|jupytext|jupyterlab", core)
    assert set(PROJECT["optional-dependencies"]) >= {"book", "grading", "dev", "all"}


def test_constraints_are_exact_and_complete() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    pinned = {pin.partition("==")[0].lower().replace("_", "-") for pin in pins}
    wanted = [*PROJECT["dependencies"], *(d for ds in PROJECT["optional-dependencies"].values() for d in ds)]
    names = {re.split(r"[\[<>=]", item)[0].lower() for item in wanted} - {"cnnlab"}
    assert names <= pinned


def test_no_index_address_and_no_path_of_a_machine_is_in_git() -> None:
    forbidden = re.compile(r"--(extra-)?index-url|--find-links|registry *=|/(root|work)/[a-z]")
    texts = [name for name in TRACKED if name != "tests/test_structure.py"]
    for name in texts:
        path = ROOT / name
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ".ipynb", ".js", ""}:
            found = forbidden.search(path.read_text(errors="ignore"))
            assert not found, f"{name}: {found.group() if found else ''}"


def test_no_outputs_data_or_models_are_in_git() -> None:
    for name in TRACKED:
        path = ROOT / name
        if path.suffix == ".html" and name.startswith("book/_templates/"):
            continue  # Sphinx finds templates by this ending
        assert path.suffix not in {".pt", ".pth", ".safetensors", ".npz", ".npy", ".gz", ".db", ".html"}, name
        if path.suffix == ".ipynb":
            cells = json.loads(path.read_text())["cells"]
            assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), name
