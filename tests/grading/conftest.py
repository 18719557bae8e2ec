"""A tiny assignment without torch, and the command line as a user runs it.

Whole runs of nbgrader happen in processes of their own: nbgrader and SQLAlchemy warn where they meet, and in
this process a warning is an error.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
import servers

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = Path(__file__).parent / "tiny"
RIGHT = {"square": "def square(x):\n    return x * x", "double": "def double(x):\n    return 2 * x"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a console script of this environment: `run("nbgrader", "validate", …, cwd=…)`."""

    def start(script: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / script), *map(str, arguments)]
        environment = os.environ | {"COLUMNS": "120", "NO_COLOR": "1"}
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=900)

    return start


@pytest.fixture(scope="session")
def released_root(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A repository with the tiny assignment, released; not to be changed."""
    root = tmp_path_factory.mktemp("released")
    shutil.copytree(TINY / "solutions", root / "solutions")
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    result = run("cnnlab", "release", cwd=root)
    assert result.returncode == 0, result.stderr
    return root


@pytest.fixture
def root(released_root: Path, tmp_path: Path) -> Path:
    """A copy of that repository for one test."""
    return shutil.copytree(released_root, tmp_path / "repository")


@pytest.fixture(scope="session")
def tiny(released_root: Path) -> Any:
    """The released tiny notebook; take a copy."""
    return nbformat.read(released_root / "exercises/tiny/tiny.ipynb", as_version=4)


@pytest.fixture
def answered(tiny: Any) -> Callable[..., Any]:
    """The tiny notebook with answers: right ones unless given, `answered(square="…")`."""

    def fill(**answers: str) -> Any:
        notebook = deepcopy(tiny)
        for cell in notebook.cells:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = (RIGHT | answers).get(grade_id, cell.source)
        return notebook

    return fill


@pytest.fixture
def submit(root: Path) -> Callable[[str, Any], Path]:
    """Hands a notebook in: `submit("ada", notebook)`; the file."""

    def put(student: str, notebook: Any) -> Path:
        path = root / "course/submitted" / student / "tiny/tiny.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
        return path

    return put


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a PostgreSQL server of its own, without a database."""
    if not servers.PROGRAMS:
        pytest.skip(servers.NOT_INSTALLED)
    with servers.postgres() as address:
        yield address


@pytest.fixture
def database(server: str) -> str:
    """The URL of a new database in it."""
    psycopg = pytest.importorskip("psycopg")
    name = f"marks_{secrets.token_hex(4)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"
